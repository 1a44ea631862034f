using System.Net;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Cloister.Enclave.Wire.Grpc;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Enclave.Tests.Rpc;

/// <summary>Calls that do not end well: deadlines, callers that go away, slow ones.</summary>
public sealed class GrpcCallEndTests
{
    private static readonly EncryptRequest Request = new() { Plaintext = ByteString.CopyFrom(new byte[32]) };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_deadline_ends_the_call_in_the_enclave_too()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        HttpClient client = server.Http();
        using HttpRequestMessage request = Raw(new ByteArrayContent([0, 0, 0, 0, 3, 0x0A, 1, 0x41]));
        request.Headers.Add("grpc-timeout", "50m");
        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        await response.Content.ReadAsByteArrayAsync(Stop);
        Assert.Equal("4", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        Assert.Equal(1, custody.GivenUp);
        Assert.Equal(1, server.Counters.Failures);
    }

    [Fact]
    public async Task A_caller_that_goes_away_is_given_up_and_others_are_served()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        KeyManagementService.KeyManagementServiceClient stays = server.V2();
        using CancellationTokenSource leaves = new();
        AsyncUnaryCall<EncryptResponse> gone = server.V2().EncryptAsync(Request, cancellationToken: leaves.Token);
        Task<EncryptResponse> served = stays.EncryptAsync(Request, cancellationToken: Stop).ResponseAsync;
        await Eventually.TrueAsync(() => custody.Entered == 2, "both calls under way");
        await leaves.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(() => gone.ResponseAsync);
        await Eventually.TrueAsync(() => custody.GivenUp == 1, "the call given up");
        await stays.StatusAsync(new StatusRequest(), cancellationToken: Stop);
        custody.Open();
        Assert.Equal(custody.Status.KeyId, (await served).KeyId);
    }

    [Fact]
    public async Task A_connection_that_breaks_gives_up_all_its_calls()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        Grpc.Net.Client.GrpcChannel channel = server.Channel();
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        Task<EncryptResponse>[] calls = [.. Enumerable.Range(0, 50).Select(_ => client.EncryptAsync(Request, cancellationToken: Stop).ResponseAsync)];
        await Eventually.TrueAsync(() => custody.Entered == 50, "all calls under way");
        channel.Dispose();
        await Eventually.TrueAsync(() => custody.GivenUp == 50, "all calls given up");
        Assert.All(await Task.WhenAll(calls.Select(async call => await Record.ExceptionAsync(() => call))), Assert.NotNull);
        Assert.Equal("v2", (await server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop)).Version);
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    // Half a message, then silence. It is borne for some seconds and then answered; others are not held up.
    [Fact]
    public async Task A_client_that_stops_in_the_middle_of_its_message_is_cut_off()
    {
        using SecretArena arena = new(4);
        await using ManualCustody custody = TestKeys.Custody(arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        using StalledContent stalled = new([0, 0, 0, 0, 3, 0x0A]);
        Task<HttpResponseMessage> slow = server.Http().SendAsync(Raw(stalled), HttpCompletionOption.ResponseHeadersRead, Stop);
        await stalled.Begun;
        await server.V2().EncryptAsync(Request, cancellationToken: Stop);
        Assert.False(slow.IsCompleted);

        using HttpResponseMessage answer = await slow.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        await answer.Content.ReadAsByteArrayAsync(Stop);
        Assert.Equal("4", answer.TrailingHeaders.GetValues("grpc-status").Single());
        stalled.End();
        Assert.Equal(1, server.Counters.Encryptions);
        await server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop);
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stopping_the_server_does_not_wait_for_a_call_that_does_not_end()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        Task<EncryptResponse> call = server.V2().EncryptAsync(Request, cancellationToken: Stop).ResponseAsync;
        await Eventually.TrueAsync(() => custody.Entered == 1, "the call under way");
        await server.StopAsync().WaitAsync(TimeSpan.FromSeconds(30), Stop);
        await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.False(File.Exists(server.SocketPath));
    }

    [Fact]
    public async Task Stopping_the_server_lets_a_call_under_way_end()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody);
        Task<EncryptResponse> call = server.V2().EncryptAsync(Request, cancellationToken: Stop).ResponseAsync;
        await Eventually.TrueAsync(() => custody.Entered == 1, "the call under way");
        Task stopping = server.StopAsync();
        custody.Open();
        Assert.Equal(custody.Status.KeyId, (await call).KeyId);
        await stopping;
        await Assert.ThrowsAsync<RpcException>(() => server.V2().EncryptAsync(Request, cancellationToken: Stop).ResponseAsync);
        Assert.Equal(0, custody.GivenUp);
    }

    [Theory]
    [InlineData("5S", 5000L)]
    [InlineData("100m", 100L)]
    [InlineData("99999999H", 40L * 24 * 3600 * 1000)]
    [InlineData("1M", 60_000L)]
    [InlineData("2000u", 2L)]
    [InlineData("3000000n", 3L)]
    [InlineData("0n", 0L)]
    [InlineData("", -1L)]
    [InlineData("5", -1L)]
    [InlineData("S", -1L)]
    [InlineData("-5S", -1L)]
    [InlineData("5s", -1L)]
    [InlineData("999999999S", -1L)]
    [InlineData("5 S", -1L)]
    [InlineData(null, -1L)]
    public void Timeout_grammar(string? text, long milliseconds)
    {
        bool good = UnaryCall.TryParseTimeout(System.Text.Encoding.UTF8.GetBytes(text ?? ""), out TimeSpan timeout);
        Assert.Equal(milliseconds, good ? (long)timeout.TotalMilliseconds : -1);
    }

    private static HttpRequestMessage Raw(HttpContent content)
    {
        content.Headers.ContentType = new("application/grpc");
        return new HttpRequestMessage(HttpMethod.Post, "/v2.KeyManagementService/Encrypt")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }

    private sealed class StalledContent(byte[] first) : HttpContent
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task Begun => _begun.Task;

        internal void End() => _end.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(first);
            await stream.FlushAsync();
            _begun.TrySetResult();
            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
