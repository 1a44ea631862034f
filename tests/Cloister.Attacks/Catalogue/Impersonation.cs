using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Recovery;

namespace Cloister.Attacks.Catalogue;

/// <summary>The host takes the gateway's key file and stands in its place.</summary>
internal sealed class KeyFromAFile() : Attack(
    "gateway-with-certificate-from-a-file", Attacker.Host, "the gateway's key file (issuer: file), and its port", Promise.NotProtected,
    "Secrets on their way from the API server: who has the file is the gateway for it; with issuer broker the key is in the enclave only")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { CertificateFiles = true });
        await cluster.Enclave.KillAsync();
        return new Outcome(
            await StandsInAsync(cluster, cluster.Tls.Ca, ground.Stop),
            Contrast: await StandsInAsync(cluster, cluster.AuthorityFile, ground.Stop));
    }

    // A client connects that believes these authorities, as an API server believes its --etcd-cafile.
    private static async Task<Trial> StandsInAsync(Cluster cluster, string authorities, CancellationToken stop)
    {
        using X509Certificate2 stolen = X509Certificate2.CreateFromPemFile(cluster.Tls.ServerCertificate, cluster.Tls.ServerKey);
        TcpListener listener = new(IPAddress.Loopback, int.Parse(cluster.GatewayAddress.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture));
        listener.Start();
        try
        {
            Task<int> received = ReceiveAsync(listener, stolen, stop);
            using TcpClient client = new();
            await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, stop);
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(authorities);
            using SslStream tls = new(client.GetStream());
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", CertificateChainPolicy = policy }, stop);
            await tls.WriteAsync("a Secret"u8.ToArray(), stop);
            return await received > 0 ? Trial.Success("an API server sends to him what is for the gateway") : Trial.Refused("nothing came");
        }
        catch (AuthenticationException)
        {
            return Trial.Refused("an API server that trusts the broker's authority only does not connect to him");
        }
        finally
        {
            listener.Stop();
        }
    }

    private static async Task<int> ReceiveAsync(TcpListener listener, X509Certificate2 certificate, CancellationToken stop)
    {
        try
        {
            using TcpClient client = await listener.AcceptTcpClientAsync(stop);
            using SslStream tls = new(client.GetStream());
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stop);
            return await tls.ReadAsync(new byte[100], stop);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or SocketException)
        {
            return 0;
        }
    }
}

/// <summary>As many keepers of shares of the authority as the threshold come together.</summary>
internal sealed class KeepersOfTheAuthority() : Attack(
    "keepers-of-authority-shares", Attacker.Operator, "as many recovery shares of the broker's authority as the threshold", Promise.NotProtected,
    "the authority's key: they can act as the broker towards enclaves; so give the shares to people who will not")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        using X509Certificate2 administrator = X509Certificate2.CreateFromPemFile(cluster.Administrator.Certificate, cluster.Administrator.Key);
        using HttpClient http = cluster.AdminClient(administrator);
        using ShareKeepers keepers = new(3);
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/admin/v1/authority/export", new { threshold = 2, keepers = keepers.Keys }, ground.Stop);
        answer.EnsureSuccessStatusCode();
        RecoveryShare[] shares = keepers.Open((await answer.Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonObject>(ground.Stop))!);
        return new Outcome(Try([.. shares.Skip(1)], cluster.Broker.Pin), Contrast: Try([shares[0]], cluster.Broker.Pin));
    }

    private static Trial Try(RecoveryShare[] shares, string pin)
    {
        byte[] scalar = new byte[32];
        try
        {
            RecoveryShares.CombineAuthority(shares, scalar);
        }
        catch (RecoveryShareException e)
        {
            return Trial.Refused(e.Message);
        }

        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        string theirs = $"sha256:{Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}";
        return theirs == pin ? Trial.Success("the key that enclaves have pinned") : Trial.Refused("another key");
    }
}
