using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Enclave.Tests.Rpc;

/// <summary>A socket that no kernel guards serves whoever shows a pinned key, and nobody else.</summary>
public sealed class RelayKeysTests : IDisposable
{
    private readonly SecretArena _arena = new(16);
    private readonly X509Certificate2 _relay = Certificate();
    private readonly X509Certificate2 _other = Certificate();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _arena.Dispose();
        _relay.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task A_pinned_key_is_served_with_many_calls_and_large_ones()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await StartAsync(custody);
        using GrpcChannel channel = Channel(server, _relay);
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            byte[] plaintext = TestKeys.Random();
            EncryptResponse made = await client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(plaintext), Uid = "u" }, cancellationToken: Stop);
            DecryptRequest request = new() { Ciphertext = made.Ciphertext, KeyId = made.KeyId, Uid = "u", Annotations = { made.Annotations } };
            Assert.Equal(plaintext, (await client.DecryptAsync(request, cancellationToken: Stop)).Plaintext.ToByteArray());
        }));
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            () => client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[1024 * 1024]) }, cancellationToken: Stop).ResponseAsync);
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.DoesNotContain(server.Log.Lines, line => line.Contains("UNAUTHENTICATED", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("no certificate")]
    [InlineData("another key")]
    [InlineData("TLS 1.2")]
    public async Task Anybody_else_is_refused_told_and_counted(string who)
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await StartAsync(custody);
        using GrpcChannel channel = who switch
        {
            "plain" => server.Channel(),
            "no certificate" => Channel(server, null),
            "another key" => Channel(server, _other),
            _ => Channel(server, _relay, SslProtocols.Tls12),
        };
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            () => new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), cancellationToken: Stop).ResponseAsync);
        Assert.Contains(refused.StatusCode, (StatusCode[])[StatusCode.Unavailable, StatusCode.Internal]);
        await Eventually.TrueAsync(() => server.Counters.ConnectionsRefused > 0, "it is counted");
        Assert.Contains(server.Log.Lines, line => line.Contains("did not show a key of kms.relay.pins", StringComparison.Ordinal));

        using GrpcChannel good = Channel(server, _relay);
        await new KeyManagementService.KeyManagementServiceClient(good).StatusAsync(new StatusRequest(), cancellationToken: Stop);
    }

    // What the protection is for: without pins the same neighbour gets everything, and the log says so.
    [Fact]
    public async Task Without_pins_anybody_is_served_and_the_log_is_loud()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody, tcp: true);
        await server.V2().EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(TestKeys.Random()) }, cancellationToken: Stop);
        Assert.Contains(server.Log.Lines, line => line.Contains("is UNAUTHENTICATED: EVERY PROCESS", StringComparison.Ordinal));
    }

    // Connections without a key, silent or half through TLS, do not keep one with a key out.
    [Fact]
    public async Task Connections_without_a_key_do_not_lock_the_relay_out()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await StartAsync(custody);
        using GrpcChannel early = Channel(server, _relay);
        KeyManagementService.KeyManagementServiceClient before = new(early);
        await before.StatusAsync(new StatusRequest(), cancellationToken: Stop);
        List<Socket> flood = [];
        try
        {
            for (int i = 0; i < 1500; i++)
            {
                flood.Add(await server.ConnectAsync(Stop));
                if (i % 2 == 0)
                {
                    await flood[^1].SendAsync(new byte[] { 22, 3, 1, 1, 0 }, Stop);
                }
            }

            using GrpcChannel late = Channel(server, _relay);
            await new KeyManagementService.KeyManagementServiceClient(late).StatusAsync(new StatusRequest(), cancellationToken: Stop);
            await before.StatusAsync(new StatusRequest(), cancellationToken: Stop);
            Assert.True(server.Counters.ConnectionsGaveWay > 1000);
        }
        finally
        {
            flood.ForEach(socket => socket.Dispose());
        }
    }

    private static X509Certificate2 Certificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=relay", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }

    private Task<RunningServer> StartAsync(ICustody custody) => RunningServer.StartAsync(
        custody, options => options with { RelayPins = [SHA256.HashData(_relay.PublicKey.ExportSubjectPublicKeyInfo())] }, tcp: true);

    private static GrpcChannel Channel(RunningServer server, X509Certificate2? certificate, SslProtocols protocols = SslProtocols.Tls13)
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                SslStream tls = new(new NetworkStream(await server.ConnectAsync(cancellation), ownsSocket: true));
                SslClientAuthenticationOptions options = new()
                {
                    TargetHost = "enclave",
                    EnabledSslProtocols = protocols,
                    RemoteCertificateValidationCallback = static (_, shown, _, _) => shown is not null,
                    ClientCertificates = certificate is null ? null : [certificate],
                };
                await tls.AuthenticateAsClientAsync(options, cancellation);
                return tls;
            },
        };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
