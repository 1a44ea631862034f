using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Cli.Demo;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Dev;

/// <summary>A gateway whose serving certificate a broker issues: what TLS to it proves, how long, and what ends it.</summary>
public sealed class AttestedGatewayTests : IDisposable
{
    private const string Key = "/registry/secrets/default/db";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_broker_issues_its_certificate_and_renews_it_under_a_watch()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", etcd.Url);
        string[] broker = BrokerOf(dev);
        string ca = (await CliProcess.RunAsync(["enclaves", "ca", .. broker])).MustSucceed().Output;
        using X509Certificate2 authority = X509Certificate2.CreateFromPem(ca);
        using X509Certificate2 known = X509CertificateLoader.LoadCertificateFromFile(_folder["d/gateway/ca.crt"]);
        Assert.Equal(authority.PublicKey.ExportSubjectPublicKeyInfo(), known.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(authority.Subject, known.Subject);

        // The file that the verb prints does as well as the one in the folder.
        await File.WriteAllTextAsync(_folder["verb.crt"], ca, Stop);
        using GrpcChannel channel = Through(_folder["verb.crt"]);
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = await WatchAsync(channel);
        using X509Certificate2 first = await ServingCertificateAsync();
        Assert.Equal(authority.Subject, first.Issuer);
        Assert.True(first.NotAfter < DateTime.Now.AddHours(2));

        (await CliProcess.RunAsync(["kek", "rotate", "--name", "dev", .. broker])).MustSucceed();
        await Eventually.TrueAsync(
            async () =>
            {
                using X509Certificate2 next = await ServingCertificateAsync();
                return next.SerialNumber != first.SerialNumber;
            },
            "a renewed lease has a certificate of its own",
            TimeSpan.FromSeconds(60));

        await PutAsync(channel, "TOPSECRET");
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        Assert.True(watch.ResponseStream.Current.AsSpan().IndexOf("TOPSECRET"u8) > 0);
        Assert.StartsWith("k8s:enc:kms:v2:tee:", (await etcd.GetAsync(Key)).Value.ToString(System.Text.Encoding.Latin1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Etcdctl_in_Go_accepts_it_by_the_authority_alone()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", etcd.Url);
        string[] files = ["--cert", _folder["d/gateway/client.crt"], "--key", _folder["d/gateway/client.key"]];
        string url = await UrlAsync();
        using (GrpcChannel channel = Through(_folder["d/gateway/ca.crt"]))
        {
            await PutAsync(channel, "TOPSECRET");
        }

        Assert.Equal($"{Key}\nTOPSECRET\n", await etcd.CtlAtAsync(url, [.. files, "--cacert", _folder["d/gateway/ca.crt"], "get", Key]));
        await Assert.ThrowsAnyAsync<Exception>(() => etcd.CtlAtAsync(url, [.. files, "--cacert", _folder["d/gateway/client-ca.crt"], "--command-timeout", "3s", "get", Key]));
    }

    [Fact]
    public async Task An_API_server_that_trusts_the_authority_alone_keeps_its_Secrets_there()
    {
        ApiServerHarness? harness = ApiServerHarness.Find();
        Assert.SkipWhen(harness is null, "eng/apiserver-harness has not built an API server here");
        await using EndToEndCluster cluster = await EndToEndCluster.StartEtcdAsync(harness!, _folder["cluster"], Stop);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", cluster.EtcdUrl);
        string[] broker = BrokerOf(dev);
        await File.WriteAllTextAsync(_folder["authority.crt"], (await CliProcess.RunAsync(["enclaves", "ca", .. broker])).MustSucceed().Output, Stop);
        await cluster.StartApiServerAsync(
            [
                "--etcd-servers-overrides", $"/secrets#{await UrlAsync()}", "--etcd-cafile", _folder["authority.crt"],
                "--etcd-certfile", _folder["d/gateway/client.crt"], "--etcd-keyfile", _folder["d/gateway/client.key"],
            ],
            Stop);
        Assert.True(await cluster.RoundTripAsync("one", "TOPSECRET", Stop));
        Assert.StartsWith(
            "k8s:enc:kms:v2:tee:", System.Text.Encoding.Latin1.GetString(await cluster.StoredAsync("/registry/secrets/default/one", Stop)), StringComparison.Ordinal);

        // A new lease, and a new certificate: its connections stay.
        using X509Certificate2 first = await ServingCertificateAsync();
        (await CliProcess.RunAsync(["kek", "rotate", "--name", "dev", .. broker])).MustSucceed();
        await Eventually.TrueAsync(
            async () =>
            {
                using X509Certificate2 next = await ServingCertificateAsync();
                return next.SerialNumber != first.SerialNumber;
            },
            "a renewed lease has a certificate of its own",
            TimeSpan.FromSeconds(60));
        Assert.True(await cluster.RoundTripAsync("two", "TOPSECRET", Stop));
    }

    [Fact]
    public async Task A_revocation_closes_connections_and_no_handshake_succeeds_until_it_is_lifted()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested", "--etcd", etcd.Url);
        string[] broker = BrokerOf(dev);
        using GrpcChannel channel = Through(_folder["d/gateway/ca.crt"]);
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = await WatchAsync(channel);

        (await CliProcess.RunAsync(["enclaves", "revoke", "--kind", "kek", "--value", "dev", "--reason", "a test", .. broker])).MustSucceed();
        await Assert.ThrowsAsync<RpcException>(() => watch.ResponseStream.MoveNext(Stop));
        await Assert.ThrowsAnyAsync<Exception>(ServingCertificateAsync);
        await Eventually.TrueAsync(() => dev.Process.Errors.Contains("there is no serving certificate: the broker revoked this enclave", StringComparison.Ordinal), "the log says why");
        Assert.Contains("connections are closed", dev.Process.Errors, StringComparison.Ordinal);

        (await CliProcess.RunAsync(["enclaves", "lift", "--kind", "kek", "--value", "dev", .. broker])).MustSucceed();
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await PutAsync(channel, "TOPSECRET");
                    return true;
                }
                catch (RpcException)
                {
                    return false;
                }
            },
            "it serves again",
            TimeSpan.FromMinutes(3));
    }

    private static string[] BrokerOf(DevEnclave dev)
    {
        JsonNode broker = dev.Ready["broker"]!;
        return ["--broker", (string)broker["admin"]!, "--pin", (string)broker["pin"]!, "--certificate", (string)broker["certificate"]!, "--key", (string)broker["key"]!];
    }

    // The contract has no watch: field 1 of the request creates one, its field 1 is the key. Begun when etcd has said so.
    private static async Task<AsyncDuplexStreamingCall<byte[], byte[]>> WatchAsync(GrpcChannel channel)
    {
        Marshaller<byte[]> bytes = Marshallers.Create(message => message, message => message);
        Method<byte[], byte[]> method = new(MethodType.DuplexStreaming, "etcdserverpb.Watch", "Watch", bytes, bytes);
        AsyncDuplexStreamingCall<byte[], byte[]> watch = channel.CreateCallInvoker().AsyncDuplexStreamingCall(method, null, new CallOptions(cancellationToken: Stop));
        byte[] key = System.Text.Encoding.UTF8.GetBytes(Key);
        await watch.RequestStream.WriteAsync([0x0a, (byte)(key.Length + 2), 0x0a, (byte)key.Length, .. key], Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        return watch;
    }

    private static async Task PutAsync(GrpcChannel channel, string value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(Key), Value = ByteString.CopyFromUtf8(value) } };
        await new KV.KVClient(channel).TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop);
    }

    private Task<string> UrlAsync() => File.ReadAllTextAsync(_folder["d/gateway/url"], Stop);

    private SslClientAuthenticationOptions Tls(string ca, string url) =>
        EtcdTls.Create(EtcdOptions.Create(url, ca, _folder["d/gateway/client.crt"], _folder["d/gateway/client.key"]));

    private GrpcChannel Through(string ca)
    {
        string url = File.ReadAllText(_folder["d/gateway/url"]);
        return GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { SslOptions = Tls(ca, url) }, DisposeHttpClient = true });
    }

    // What a new handshake is shown, checked by the authority and the address.
    private async Task<X509Certificate2> ServingCertificateAsync()
    {
        string url = await UrlAsync();
        SslClientAuthenticationOptions options = Tls(_folder["d/gateway/ca.crt"], url);
        options.TargetHost = "127.0.0.1";
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        using TcpClient tcp = new();
        await tcp.ConnectAsync("127.0.0.1", new Uri(url).Port, Stop);
        await using SslStream stream = new(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(options, Stop);
        return X509CertificateLoader.LoadCertificate(stream.RemoteCertificate!.GetRawCertData());
    }
}
