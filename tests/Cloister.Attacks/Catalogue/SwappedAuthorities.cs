using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Gateway.Tests.Support;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>The host puts an authority of its own where the configuration names a file of authorities, while the gateway runs.</summary>
internal sealed class SwappedClientAuthority() : Attack(
    "client-authority-swapped", Attacker.Host, "the file that gateway.tls.clientCa names", Promise.Protected,
    "the measured configuration pins what the file may hold (clientCaPins), or holds the authorities itself")
{
    public override async Task<Outcome> RunAsync(Ground ground) =>
        new(await TryAsync(pinned: true, ground), await TryAsync(pinned: false, ground) with { Detail = "without a pin his certificate reads" });

    private async Task<Trial> TryAsync(bool pinned, Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s SWAPPED-AUTHORITY"u8.ToArray(), ground.Stop);
        if (pinned)
        {
            string digest = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(cluster.Tls.Ca, ground.Stop)));
            string text = await File.ReadAllTextAsync(cluster.Enclaves.Configuration, ground.Stop);
            string bound = text.Replace($"clientCa: {cluster.Tls.Ca}", $"clientCa: {cluster.Tls.Ca}, clientCaPins: [\"sha256:{digest}\"]", StringComparison.Ordinal);
            if (bound == text)
            {
                throw new InvalidOperationException("the configuration names no clientCa");
            }

            await File.WriteAllTextAsync(cluster.Enclaves.Configuration, bound, ground.Stop);
            await cluster.RestartEnclaveAsync();
        }

        ScratchFolder folder = ground.Add(new ScratchFolder());
        EtcdTlsFiles own = new(folder);
        File.Copy(own.Ca, cluster.Tls.Ca, overwrite: true);
        string seen = pinned ? "is not what gateway.tls.clientCaPins pins" : "gateway.tls.clientCa changed";
        await Conformance.Harness.Eventually.HoldsAsync(
            "the gateway looked at the file", TimeSpan.FromSeconds(30), () => Task.FromResult(cluster.Enclave.Log().Contains(seen, StringComparison.Ordinal)), ground.Stop, cluster.Enclave.Log);
        using RawEtcd intruder = new(cluster.Channel(own.ClientCertificate, own.ClientKey));
        try
        {
            return await Cluster.ReadAsync(intruder, key, ground.Stop) is { } value && value.AsSpan().SequenceEqual("k8s SWAPPED-AUTHORITY"u8)
                ? Trial.Success("the Secret is read")
                : Trial.Refused("nothing is read");
        }
        catch (RpcException e)
        {
            return Trial.Refused($"{e.StatusCode}: his certificate is not taken");
        }
    }
}

/// <summary>The same with the authorities of etcd: who stands in for etcd has the gateway's connection.</summary>
internal sealed class SwappedEtcdAuthority() : Attack(
    "etcd-authority-swapped", Attacker.Host, "the file that gateway.etcd.ca names, and the way to etcd", Promise.Protected,
    "the measured configuration pins what the file may hold (caPins), or holds the authorities itself")
{
    public override async Task<Outcome> RunAsync(Ground ground) =>
        new(await TryAsync(pinned: true, ground), await TryAsync(pinned: false, ground) with { Detail = "without a pin the gateway talks to him" });

    private static async Task<Trial> TryAsync(bool pinned, Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        ScratchFolder good = ground.Add(new ScratchFolder());
        ScratchFolder bad = ground.Add(new ScratchFolder());
        EtcdTlsFiles etcd = new(good);
        EtcdTlsFiles own = new(bad);
        TcpListener listener = ground.Add(new TcpListener(IPAddress.Loopback, 0));
        listener.Start();
        string digest = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(etcd.Ca, ground.Stop)));
        string text = await File.ReadAllTextAsync(cluster.Enclaves.Configuration, ground.Stop);
        string secured = text.Replace(
            $"etcd: {{ endpoints: [\"{cluster.Etcd.Url}\"] }}",
            $"etcd: {{ endpoints: [\"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}\"], ca: {etcd.Ca}{(pinned ? $", caPins: [\"sha256:{digest}\"]" : "")} }}",
            StringComparison.Ordinal);
        if (secured == text)
        {
            throw new InvalidOperationException("the configuration names no etcd");
        }

        await File.WriteAllTextAsync(cluster.Enclaves.Configuration, secured, ground.Stop);
        await cluster.RestartEnclaveAsync();
        File.Copy(own.Ca, etcd.Ca, overwrite: true);
        string seen = pinned ? "is not what gateway.etcd.caPins pins" : "gateway.etcd.ca changed";
        await Conformance.Harness.Eventually.HoldsAsync(
            "the gateway looked at the file", TimeSpan.FromSeconds(30), () => Task.FromResult(cluster.Enclave.Log().Contains(seen, StringComparison.Ordinal)), ground.Stop, cluster.Enclave.Log);
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(ground.Stop);
        over.CancelAfter(TimeSpan.FromSeconds(15));
        Task calls = CallAsync(cluster, over.Token);
        Trial result = Trial.Refused("the gateway does not come");
        try
        {
            // One that the gateway opened before the swap may come first.
            while (!result.Succeeded)
            {
                result = await AcceptAsync(listener, own, over.Token);
            }
        }
        catch (OperationCanceledException) when (!ground.Stop.IsCancellationRequested)
        {
            // The time is over: the last one counts.
        }

        await over.CancelAsync();
        await calls;
        return result;
    }

    // An API server that asks again and again, so that the gateway wants etcd.
    private static async Task CallAsync(Cluster cluster, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            try
            {
                using RawEtcd client = new(cluster.Channel());
                await Cluster.ReadAsync(client, $"{Cluster.Secrets}etcd/one", over);
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException)
            {
                await Task.Delay(200, CancellationToken.None);
            }
        }
    }

    private static async Task<Trial> AcceptAsync(TcpListener listener, EtcdTlsFiles own, CancellationToken stop)
    {
        using TcpClient connection = await listener.AcceptTcpClientAsync(stop);
        await using SslStream tls = new(connection.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(own.ServerCertificate, own.ServerKey), null, offline: true),
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                },
                stop);

            // The gateway's preface: it comes only when the gateway takes this side for etcd.
            return await tls.ReadAtLeastAsync(new byte[24], 24, throwOnEndOfStream: false, stop) == 24 ? Trial.Success("the gateway speaks HTTP/2 to him") : Trial.Refused("the gateway hangs up");
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return Trial.Refused("the gateway does not take his certificate");
        }
    }
}
