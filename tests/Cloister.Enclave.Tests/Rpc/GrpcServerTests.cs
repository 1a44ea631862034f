using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using V1 = Cloister.Contracts.KmsV1;
using V2 = Cloister.Contracts.KmsV2;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class GrpcServerTests : IDisposable
{
    private readonly SecretArena _arena = new(16);

    public void Dispose() => _arena.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Both_versions_on_one_socket_at_once(bool tcp)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody, tcp: tcp);
        V2.KeyManagementService.KeyManagementServiceClient v2 = server.V2();
        V1.KeyManagementService.KeyManagementServiceClient v1 = server.V1();

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            byte[] plaintext = TestKeys.Random();
            if (i % 2 == 0)
            {
                V2.StatusResponse status = await v2.StatusAsync(new V2.StatusRequest(), cancellationToken: Stop);
                V2.EncryptResponse made = await v2.EncryptAsync(
                    new V2.EncryptRequest { Plaintext = ByteString.CopyFrom(plaintext), Uid = "u" }, cancellationToken: Stop);
                Assert.Equal((status.KeyId, "ok", "v2"), (made.KeyId, status.Healthz, status.Version));
                V2.DecryptRequest request = new() { Ciphertext = made.Ciphertext, KeyId = made.KeyId, Uid = "u", Annotations = { made.Annotations } };
                Assert.Equal(plaintext, (await v2.DecryptAsync(request, cancellationToken: Stop)).Plaintext.ToByteArray());
            }
            else
            {
                Assert.Equal("v1beta1", (await v1.VersionAsync(new V1.VersionRequest { Version = "v1beta1" }, cancellationToken: Stop)).Version);
                V1.EncryptResponse made = await v1.EncryptAsync(
                    new V1.EncryptRequest { Version = "v1beta1", Plain = ByteString.CopyFrom(plaintext) }, cancellationToken: Stop);
                V1.DecryptRequest request = new() { Version = "v1beta1", Cipher = made.Cipher };
                Assert.Equal(plaintext, (await v1.DecryptAsync(request, cancellationToken: Stop)).Plain.ToByteArray());
            }
        }));
        Assert.Equal((200, 200, 0), (server.Counters.Encryptions, server.Counters.Decryptions, server.Counters.Failures));
    }

    [Fact]
    public async Task Every_answer_names_the_TEE_good_or_bad()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        AsyncUnaryCall<V2.StatusResponse> good = server.V2().StatusAsync(new V2.StatusRequest(), cancellationToken: Stop);
        Assert.Equal("simulated", (await good.ResponseHeadersAsync).GetValue("cloister-tee"));
        AsyncUnaryCall<V2.EncryptResponse> bad = server.V2().EncryptAsync(new V2.EncryptRequest(), cancellationToken: Stop);
        Assert.Equal("simulated", (await bad.ResponseHeadersAsync).GetValue("cloister-tee"));
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => bad.ResponseAsync)).StatusCode);
    }

    [Fact]
    public async Task Without_a_KEK_the_client_reads_what_to_do()
    {
        await using ManualCustody custody = new(TestKeys.Context(), _arena, sealedKeks: null);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        RpcException status = await Assert.ThrowsAsync<RpcException>(() => server.V2().StatusAsync(new V2.StatusRequest(), cancellationToken: Stop).ResponseAsync);
        Assert.Equal(StatusCode.FailedPrecondition, status.StatusCode);
        Assert.Equal(custody.Status.Healthz, status.Status.Detail);
    }

    // More than one HTTP/2 window, less than the largest message.
    [Theory]
    [InlineData(1024 * 1024)]
    [InlineData((1024 * 1024) + 1)]
    [InlineData((1024 + 63) * 1024)]
    public async Task A_plaintext_around_1_MiB_is_answered_with_InvalidArgument(int length)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        V2.EncryptRequest request = new() { Plaintext = ByteString.CopyFrom(new byte[length]) };
        V2.KeyManagementService.KeyManagementServiceClient client = server.V2();
        for (int i = 0; i < 4; i++)
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(
                () => client.EncryptAsync(request, deadline: DateTime.UtcNow.AddSeconds(60), cancellationToken: Stop).ResponseAsync);
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        }
    }

    [Theory]
    [InlineData((1024 + 64) * 1024)]
    [InlineData(8 * 1024 * 1024)]
    public async Task A_larger_message_is_answered_with_ResourceExhausted_and_the_connection_lives_on(int length)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        V2.EncryptRequest request = new() { Plaintext = ByteString.CopyFrom(new byte[length]) };
        V2.KeyManagementService.KeyManagementServiceClient client = server.V2();
        for (int i = 0; i < 4; i++)
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(
                () => client.EncryptAsync(request, deadline: DateTime.UtcNow.AddSeconds(60), cancellationToken: Stop).ResponseAsync);
            Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
            await client.StatusAsync(new V2.StatusRequest(), cancellationToken: Stop);
        }
    }
}
