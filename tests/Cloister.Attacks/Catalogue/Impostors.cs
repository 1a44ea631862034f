using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Administration.Client;
using Cloister.Attacks.Framework;
using Cloister.Attestation;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody on the way has a certificate of ours, in another role than the one that he plays.</summary>
internal abstract class ImpostorAttack(string name, string has, string how) : Attack(name, Attacker.Host, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        EnclaveFolder enclaves = ground.Add(new EnclaveFolder(folder));
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using BrokerAuthority authority = await AuthorityAsync(folder);
        return await TryAsync(new Scene(enclaves, broker, admin, authority), ground);
    }

    protected abstract Task<Outcome> TryAsync(Scene scene, Ground ground);

    /// <summary>What a real enclave says to a server that has this certificate: the beginning of its request, or nothing.</summary>
    protected static async Task<string> EnclaveSaysAsync(Scene scene, Ground ground, string pin, X509Certificate2 leaf, params X509Certificate2[] behind)
    {
        using Server server = new(leaf, behind, "");
        scene.Enclaves.Configure(pin, [server.Url]);
        await using EnclaveProcess enclave = new(scene.Enclaves);
        await server.OneAsync(ground.Stop);
        return server.Heard;
    }

    protected static Trial Told(string heard, string to) => heard.Length > 0 ? Trial.Success($"{to} said '{heard.Split('\r')[0]}'") : Trial.Refused($"{to} ended the handshake and said nothing");

    // As who has the database and the root key; for controls.
    private static async Task<BrokerAuthority> AuthorityAsync(BrokerFolder folder)
    {
        await using WrappedKeys keys = await WrappedKeys.OpenAsync(folder.Database, CancellationToken.None);
        await keys.UnlockAsync([FileRootKey.Open(folder.RootKeyFile)], CancellationToken.None);
        return await keys.FindAsync(
            WrappedName.OfKey("authority"), key => new BrokerAuthority(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key })), CancellationToken.None)
            ?? throw new InvalidOperationException("the broker has no authority");
    }

    /// <summary>A broker, what a real enclave needs to use it, and the broker's authority.</summary>
    protected sealed record Scene(EnclaveFolder Enclaves, BrokerProcess Broker, OtherBroker Admin, BrokerAuthority Authority)
    {
        /// <summary>A gateway's certificate with its key, as an enclave gets it.</summary>
        public async Task<X509Certificate2> GatewayAsync()
        {
            using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
            using KbsClient client = new(Broker.Url, Broker.Pin);
            await Admin.MakeKekAsync("gateway", enclave.Policy());
            ReceivedLease lease = ReceivedLease.Read(await client.LeaseAsync(enclave, "gateway"), enclave, Broker.Pin);
            byte[] request = new CertificateRequest("CN=gateway", enclave.GatewayKey, HashAlgorithmName.SHA256).CreateSigningRequest();
            CertificateChain chain = (await client.PostAsync(
                KbsPaths.Certificate, JsonSerializer.Serialize(new CertificateRequestMessage(request), KbsJson.Default.CertificateRequestMessage), token: lease.Token))
                .Ok(KbsJson.Default.CertificateChain);
            using X509Certificate2 issued = X509CertificateLoader.LoadCertificate(chain.Chain[0]);
            return issued.CopyWithPrivateKey(enclave.GatewayKey);
        }
    }

    /// <summary>A TLS server that notes the beginning of what it is told, and answers one thing.</summary>
    protected sealed class Server : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly TaskCompletionSource _one = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly StringBuilder _heard = new();

        public Server(X509Certificate2 leaf, X509Certificate2[] behind, string answer)
        {
            _listener.Start();
            Url = new Uri($"https://{_listener.LocalEndpoint}");
            _ = ServeAsync(SslStreamCertificateContext.Create(leaf, [.. behind], offline: true), answer);
        }

        public Uri Url { get; }

        public string Heard
        {
            get
            {
                lock (_heard)
                {
                    return _heard.ToString();
                }
            }
        }

        /// <summary>Ends when one client was there and is gone, or has said something.</summary>
        public Task OneAsync(CancellationToken stop) => _one.Task.WaitAsync(stop);

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync(SslStreamCertificateContext certificate, string answer)
        {
            while (true)
            {
                try
                {
                    using TcpClient client = await _listener.AcceptTcpClientAsync();
                    await using SslStream tls = new(client.GetStream());
                    await tls.AuthenticateAsServerAsync(
                        new SslServerAuthenticationOptions { ServerCertificateContext = certificate, EnabledSslProtocols = SslProtocols.Tls13 });
                    byte[] buffer = new byte[4096];
                    int length = await tls.ReadAsync(buffer);
                    lock (_heard)
                    {
                        _heard.Append(Encoding.ASCII.GetString(buffer, 0, length));
                    }

                    await tls.WriteAsync(Encoding.ASCII.GetBytes(answer));
                    _one.TrySetResult();
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    _one.TrySetResult(); // this client is gone; the next one
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }
}

internal sealed class GatewayCertificateAsBroker() : ImpostorAttack(
    "gateway-certificate-as-broker", "a gateway's certificate with its key, and the way between an enclave and its broker",
    "gateways' certificates have an authority of their own, which no enclave pins, and are marked for gateways")
{
    protected override async Task<Outcome> TryAsync(Scene scene, Ground ground)
    {
        using X509Certificate2 gateway = await scene.GatewayAsync();
        string heard = await EnclaveSaysAsync(scene, ground, scene.Broker.Pin, gateway);

        // Signed by the pinned key, as gateways' certificates once were: the mark alone stops it.
        using TlsIdentity pinned = scene.Authority.IssueTlsIdentity(CertificateRole.Gateway, DateTimeOffset.UtcNow);
        heard += await EnclaveSaysAsync(scene, ground, scene.Broker.Pin, pinned.Leaf, pinned.Authority);
        using TlsIdentity real = scene.Authority.IssueTlsIdentity(CertificateRole.Broker, DateTimeOffset.UtcNow);
        return new Outcome(Told(heard, "the enclave"), Told(await EnclaveSaysAsync(scene, ground, scene.Broker.Pin, real.Leaf, real.Authority), "with a broker's certificate, the enclave"));
    }
}

internal sealed class AdministratorCertificateAsServer() : ImpostorAttack(
    "administrator-certificate-as-server", "an administrator's certificate with its key, and the way to the broker's listeners",
    "a certificate is good for the role that it is marked for")
{
    protected override async Task<Outcome> TryAsync(Scene scene, Ground ground)
    {
        using X509Certificate2 alice = AdministratorCertificate.Create("alice", DateTimeOffset.UtcNow);

        // Even where the pin is that of his key, which is the most that an operator can get wrong.
        string heard = await AdministratorSaysAsync(alice, [], BrokerProcess.PinOf(alice), ground);
        heard += await EnclaveSaysAsync(scene, ground, BrokerProcess.PinOf(alice), alice);
        using TlsIdentity broker = scene.Authority.IssueTlsIdentity(CertificateRole.Broker, DateTimeOffset.UtcNow);
        heard += await AdministratorSaysAsync(broker.Leaf, [broker.Authority], scene.Broker.Pin, ground);
        using TlsIdentity real = scene.Authority.IssueTlsIdentity(CertificateRole.Administration, DateTimeOffset.UtcNow);
        return new Outcome(
            Told(heard, "a client"), Told(await AdministratorSaysAsync(real.Leaf, [real.Authority], scene.Broker.Pin, ground), "with a certificate for administration, the client"));
    }

    private static async Task<string> AdministratorSaysAsync(X509Certificate2 leaf, X509Certificate2[] behind, string pin, Ground ground)
    {
        using Server server = new(leaf, behind, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        using X509Certificate2 bob = AdministratorCertificate.Create("bob", DateTimeOffset.UtcNow);
        using AdministrationClient client = new(server.Url, BrokerPin.Parse(pin), bob);
        try
        {
            await client.WhoAmIAsync(ground.Stop);
        }
        catch (Exception e) when (e is BrokerUnreachableException or AdministrationRefusedException)
        {
            // What the server was told is what counts.
        }

        return server.Heard;
    }
}

internal sealed class BrokerCertificateAsGateway() : ImpostorAttack(
    "broker-certificate-as-gateway", "a broker's certificate with its key, and the way between an API server and the gateway",
    "API servers trust the gateways' authority alone, which signs no broker's certificate")
{
    protected override async Task<Outcome> TryAsync(Scene scene, Ground ground)
    {
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(scene.Authority.Gateways.MakeRoot(DateTimeOffset.UtcNow));
        using TlsIdentity broker = scene.Authority.IssueTlsIdentity(CertificateRole.Broker, DateTimeOffset.UtcNow);
        using X509Certificate2 gateway = await scene.GatewayAsync();
        return new Outcome(
            Told(await ApiServerSaysAsync(root, broker.Leaf, [broker.Authority], ground), "the API server's TLS"),
            Told(await ApiServerSaysAsync(root, gateway, [], ground), "to a gateway, the API server's TLS"));
    }

    // Chain and name, as an API server checks them; OpenSSL's own check, by its client.
    private static async Task<string> ApiServerSaysAsync(X509Certificate2 root, X509Certificate2 leaf, X509Certificate2[] behind, Ground ground)
    {
        using Server server = new(leaf, behind, "");
        string file = ground.PathOf("gateways.pem");
        await File.WriteAllTextAsync(file, root.ExportCertificatePem(), ground.Stop);
        using System.Diagnostics.Process openssl = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "openssl", ["s_client", "-quiet", "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile", file, "-connect", server.Url.Authority])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        Task<string> said = openssl.StandardError.ReadToEndAsync(ground.Stop);
        await openssl.StandardInput.WriteAsync("PRI * HTTP/2.0\r\n");
        openssl.StandardInput.Close();
        await Task.WhenAll(openssl.WaitForExitAsync(ground.Stop), said, server.OneAsync(ground.Stop));
        return server.Heard;
    }
}
