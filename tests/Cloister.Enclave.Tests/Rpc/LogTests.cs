using Cloister.Contracts.Keys;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class LogTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_of_a_request_is_in_the_log()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        KeyManagementService.KeyManagementServiceClient client = server.V2();
        EncryptResponse made = await client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(KmsFixture.Plaintext) }, cancellationToken: Stop);
        byte[] edek = made.Ciphertext.ToByteArray();
        byte[] changed = [.. edek];
        changed[^1] ^= 1;
        ByteString large = ByteString.CopyFrom([.. Enumerable.Repeat(KmsFixture.Plaintext, 100).SelectMany(bytes => bytes)]);
        Func<Task>[] calls =
        [
            () => client.EncryptAsync(new EncryptRequest { Plaintext = large, Uid = "TOPSECRET" }, cancellationToken: Stop).ResponseAsync,
            () => DecryptAsync(client, changed, made.KeyId),
            () => DecryptAsync(client, edek, "TOPSECRET"),
            () => DecryptAsync(client, KmsFixture.Plaintext, made.KeyId),
            () => DecryptAsync(client, edek[..50], made.KeyId),
        ];
        foreach (Func<Task> call in calls)
        {
            RpcException failure = await Assert.ThrowsAsync<RpcException>(call);
            KmsFixture.ShowsNothing(failure.Status.Detail, edek);

            // At most one failure a second is logged: each gets its line.
            await Task.Delay(1100, Stop);
        }

        Assert.Equal(calls.Length, server.Log.Lines.Count(line => line.Contains(" failed with ", StringComparison.Ordinal)));
        Assert.All(server.Log.Lines, line => KmsFixture.ShowsNothing(line, edek));
    }

    [Fact]
    public async Task A_fault_is_logged_with_type_and_place_only_and_the_caller_learns_nothing()
    {
        await using FaultyCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        KeyManagementService.KeyManagementServiceClient client = server.V2();
        RpcException failure = await Assert.ThrowsAsync<RpcException>(
            () => client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(1) }, cancellationToken: Stop).ResponseAsync);
        Assert.Equal(StatusCode.Internal, failure.StatusCode);
        Assert.DoesNotContain("TOPSECRET", failure.Status.Detail, StringComparison.Ordinal);
        string line = Assert.Single(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
        Assert.Contains("InvalidDataException", line, StringComparison.Ordinal);
        Assert.Contains(nameof(FaultyCustody), line, StringComparison.Ordinal);
        Assert.DoesNotContain("TOPSECRET", line, StringComparison.Ordinal);
        await client.StatusAsync(new StatusRequest(), cancellationToken: Stop);
    }

    [Theory]
    [InlineData("4f2c1d9e-0f5a-4b61-9d3c-0a6f3f4f9a11", "(request 4f2c1d9e-0f5a-4b61-9d3c-0a6f3f4f9a11, 0 more")]
    [InlineData("4f2c1d9e-0f5a-4b61-9d3c-0a6f3f4f9a11\nERROR 1", "(0 more")]
    [InlineData("4f2c1d9e0f5a4b619d3c0a6f3f4f9a11", "(0 more")]
    [InlineData("correct horse battery staple", "(0 more")]
    [InlineData("", "(0 more")]
    public async Task What_failed_is_logged_with_the_UID_that_the_API_server_gave_it(string uid, string expected)
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        KeyManagementService.KeyManagementServiceClient client = server.V2();
        RpcException failure = await Assert.ThrowsAsync<RpcException>(() => client.EncryptAsync(new EncryptRequest { Uid = uid }, cancellationToken: Stop).ResponseAsync);
        string line = Assert.Single(server.Log.Lines, line => line.Contains(" failed with InvalidArgument: ", StringComparison.Ordinal));
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain("request ", failure.Status.Detail[^20..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decryption_has_one_too()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        DecryptRequest request = new() { Ciphertext = ByteString.CopyFrom(1), KeyId = custody.Status.KeyId, Uid = "4F2C1D9E-0F5A-4B61-9D3C-0A6F3F4F9A11" };
        await Assert.ThrowsAsync<RpcException>(() => server.V2().DecryptAsync(request, cancellationToken: Stop).ResponseAsync);
        string line = Assert.Single(server.Log.Lines, line => line.Contains(" failed with ", StringComparison.Ordinal));
        Assert.Contains("(request 4F2C1D9E-0F5A-4B61-9D3C-0A6F3F4F9A11, 0 more", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flood_of_bad_calls_is_one_line_a_second_and_counted()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        KeyManagementService.KeyManagementServiceClient client = server.V2();
        long start = Environment.TickCount64;
        await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => Assert.ThrowsAsync<RpcException>(
            () => client.EncryptAsync(new EncryptRequest(), cancellationToken: Stop).ResponseAsync)));
        long seconds = ((Environment.TickCount64 - start) / 1000) + 2;
        Assert.Equal(300, server.Counters.Failures);
        Assert.InRange(server.Log.Lines.Count(line => line.Contains(" failed with ", StringComparison.Ordinal)), 1, seconds);
    }

    private static Task<DecryptResponse> DecryptAsync(KeyManagementService.KeyManagementServiceClient client, byte[] ciphertext, string keyId) =>
        client.DecryptAsync(new DecryptRequest { Ciphertext = ByteString.CopyFrom(ciphertext), KeyId = keyId }, cancellationToken: Stop).ResponseAsync;

    private sealed class FaultyCustody : ICustody
    {
        public string Name => "faulty";

        public CustodyStatus Status { get; } = CustodyStatus.Ready(default(KeyFingerprint));

        public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation) =>
            throw new InvalidDataException("TOPSECRET");

        public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation) =>
            throw new InvalidDataException("TOPSECRET");

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
