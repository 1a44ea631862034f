using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using EndPoint = Cloister.Enclave.Gateway.Transport.EtcdEndpoint;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Certificate files that change while the gateway runs.</summary>
public sealed class TlsFilesTests
{
    private const string Key = "/registry/secrets/default/db";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NewOnesAreTakenUpAndAWatchGoesOn()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = etcd.Through.Watch(Stop);
        await watch.RequestStream.WriteAsync(Etcd.Nested(1, Etcd.Message(w => w.String(1, Key))), Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        string first = Serial(etcd.Gateway);

        // Another authority for both sides: what was good for a handshake before is not any more.
        using ScratchFolder folder = new();
        Replace(etcd.Gateway.Tls, new EtcdTlsFiles(folder));
        await Eventually.HoldsAsync("both are taken", Timeout, () => Task.FromResult(etcd.Gateway.Counter("gateway_tls_files_taken") == 2), Stop);
        Assert.NotEqual(first, Serial(etcd.Gateway));
        Assert.Contains(etcd.Gateway.Log.Lines, line => line.Contains("gateway.tls.clientCa changed", StringComparison.Ordinal));

        using RawEtcd newcomer = new(etcd.Gateway.Channel());
        await PutAsync(newcomer, "by a newcomer");
        await PutAsync(etcd.Through, "by the one with the watch");
        foreach (string value in (string[])["by a newcomer", "by the one with the watch"])
        {
            Assert.True(await watch.ResponseStream.MoveNext(Stop));
            Assert.Equal(value, Assert.Single(WatchAnswer.Parse(watch.ResponseStream.Current).Values).Value.ToStringUtf8());
        }

        Assert.Equal(0, etcd.Gateway.Counter("gateway_tls_files_refused"));
    }

    [Fact]
    public async Task BrokenOnesLeaveTheOldInUseUntilGoodOnesCome()
    {
        await using Pair pair = new();
        GatewayUnderTest gateway = pair.Gateway;
        string first = Serial(gateway);
        using ScratchFolder folder = new();
        EtcdTlsFiles next = new(folder);

        // A certificate without its key, an authority that is none.
        File.Copy(next.ServerCertificate, gateway.Tls.ServerCertificate, overwrite: true);
        string authority = await File.ReadAllTextAsync(gateway.Tls.Ca, Stop);
        await RefusedAsync(gateway, 1);
        Assert.Equal(first, Serial(gateway));
        await File.WriteAllTextAsync(gateway.Tls.Ca, "not PEM", Stop);
        await RefusedAsync(gateway, 2);
        await File.WriteAllTextAsync(gateway.Tls.Ca, authority, Stop);
        Assert.Equal(first, Serial(gateway));
        Assert.Contains(gateway.Log.Lines, line => line.Contains("the old certificates stay in use: gateway.tls:", StringComparison.Ordinal));
        Assert.DoesNotContain(gateway.Log.Lines, line => line.Contains("PRIVATE KEY", StringComparison.Ordinal));

        Replace(gateway.Tls, next);
        await Eventually.HoldsAsync("good ones are taken", Timeout, () => Task.FromResult(Connects(gateway) && Serial(gateway) != first), Stop);
        Assert.Equal(2, gateway.Counter("gateway_tls_files_refused"));
    }

    [Fact]
    public async Task PinnedAuthoritiesAreNotSwappedAndPinnedNextOnesAreTaken()
    {
        using ScratchFolder folder = new();
        using ScratchFolder attacker = new();
        EtcdTlsFiles next = new(folder);
        byte[][] pins = [[], SHA256.HashData(await File.ReadAllBytesAsync(next.Ca, Stop))];
        await using Pair pair = new(change: options =>
        {
            pins[0] = SHA256.HashData(File.ReadAllBytes(options.ClientCaPath));
            return options with { ClientCaBinding = new CaBinding(null, pins, false) };
        });
        GatewayUnderTest gateway = pair.Gateway;
        File.Copy(new EtcdTlsFiles(attacker).Ca, gateway.Tls.Ca, overwrite: true);
        await RefusedAsync(gateway, 1);
        Assert.Equal(0, gateway.Counter("gateway_tls_files_taken"));
        Assert.Contains(gateway.Log.Lines, line => line.Contains("is not what gateway.tls.clientCaPins pins", StringComparison.Ordinal));

        Replace(gateway.Tls, next);
        await Eventually.HoldsAsync("the pinned next one is taken", Timeout, () => Task.FromResult(gateway.Counter("gateway_tls_files_taken") == 2), Stop);
        Assert.Contains(gateway.Log.Lines, line => line.Contains("gateway.tls.clientCa changed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheCertificateForEtcdIsTakenUp()
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        using ScratchFolder folder = new();
        using ScratchFolder foreign = new();
        using ScratchFolder used = new();
        EtcdTlsFiles tls = new(folder);
        EtcdTlsFiles other = new(foreign);
        int port = LoopbackPort.Next();
        int peer = LoopbackPort.Next();
        await using ChildProcess etcd = ChildProcess.Start(
            "etcd",
            folder.Path,
            programs.PathOf("etcd"),
            ["--data-dir", folder["data"], "--listen-client-urls", $"https://127.0.0.1:{port}", "--advertise-client-urls", $"https://127.0.0.1:{port}",
             "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}",
             "--initial-cluster", $"default=http://127.0.0.1:{peer}", "--log-level", "error", "--unsafe-no-fsync",
             "--cert-file", tls.ServerCertificate, "--key-file", tls.ServerKey, "--client-cert-auth", "--trusted-ca-file", tls.Ca]);
        Copy(other, used);
        EndPoint endpoint = new(new IPEndPoint(IPAddress.Loopback, port), "127.0.0.1", Tls: true);
        await using GatewayUnderTest gateway = new([endpoint], change: options => options with
        {
            EtcdCaPath = used["ca"], EtcdCertificatePath = used["certificate"], EtcdKeyPath = used["key"],
        });
        using RawEtcd through = new(gateway.Channel());
        await Assert.ThrowsAsync<RpcException>(() => PutAsync(through, "never"));

        Copy(tls, used);
        await Eventually.HoldsAsync("etcd takes the certificate", Timeout, () => SucceedsAsync(() => PutAsync(through, "written")), Stop);
        Assert.Equal(2, gateway.Counter("gateway_tls_files_taken"));
    }

    private static void Copy(EtcdTlsFiles from, ScratchFolder to)
    {
        File.Copy(from.Ca, to["ca"], overwrite: true);
        File.Copy(from.ClientCertificate, to["certificate"], overwrite: true);
        File.Copy(from.ClientKey, to["key"], overwrite: true);
    }

    // Each file at once, as a careful host does it; the pairs are not one.
    private static void Replace(EtcdTlsFiles files, EtcdTlsFiles next)
    {
        foreach ((string to, string from) in (List<(string, string)>)
        [
            (files.ServerCertificate, next.ServerCertificate), (files.ServerKey, next.ServerKey), (files.Ca, next.Ca),
            (files.ClientCertificate, next.ClientCertificate), (files.ClientKey, next.ClientKey),
        ])
        {
            File.Copy(from, $"{to}.new", overwrite: true);
            File.Move($"{to}.new", to, overwrite: true);
        }
    }

    private static async Task RefusedAsync(GatewayUnderTest gateway, long times) => await Eventually.HoldsAsync(
        "they are refused", Timeout, () => Task.FromResult(gateway.Counter("gateway_tls_files_refused") == times), Stop);

    private static string Serial(GatewayUnderTest gateway)
    {
        using SslStream stream = gateway.Connect();
        return stream.RemoteCertificate!.GetSerialNumberString();
    }

    private static bool Connects(GatewayUnderTest gateway)
    {
        try
        {
            gateway.Connect().Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }

    private static async Task<bool> SucceedsAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private static async Task PutAsync(RawEtcd etcd, string value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(Key), Value = ByteString.CopyFromUtf8(value) } };
        await etcd.Kv.TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop);
    }
}
