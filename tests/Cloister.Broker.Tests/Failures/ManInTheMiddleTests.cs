using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Broker.Tests.Processes;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Tests.Failures;

/// <summary>Somebody between an enclave and its broker who has a certificate of the authority, but not a broker's: a real enclave tells him nothing.</summary>
public sealed class ManInTheMiddleTests
{
    [Fact]
    public async Task OnlyACertificateForBrokersIsABroker()
    {
        using BrokerFolder folder = new();
        using EnclaveFolder enclaves = new(folder);
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using BrokerAuthority authority = await StolenAuthorityAsync(folder);
        Assert.Equal(broker.Pin, authority.Pin);

        // The control, first: who has a broker's certificate is talked to.
        using TlsIdentity real = authority.IssueTlsIdentity(CertificateRole.Broker, DateTimeOffset.UtcNow);
        Assert.StartsWith("POST /kbs/v0/auth", await HeardAsync(enclaves, broker.Pin, real.Leaf, real.Authority), StringComparison.Ordinal);

        using X509Certificate2 gateway = await GatewayAsync(folder, broker, admin);
        Assert.Empty(await HeardAsync(enclaves, broker.Pin, gateway));
        using TlsIdentity administration = authority.IssueTlsIdentity(CertificateRole.Administration, DateTimeOffset.UtcNow);
        Assert.Empty(await HeardAsync(enclaves, broker.Pin, administration.Leaf, administration.Authority));
        using TlsIdentity signedByThePinnedKey = authority.IssueTlsIdentity(CertificateRole.Gateway, DateTimeOffset.UtcNow);
        Assert.Empty(await HeardAsync(enclaves, broker.Pin, signedByThePinnedKey.Leaf, signedByThePinnedKey.Authority));
        using X509Certificate2 administrator = BrokerProcess.NewCertificate("alice");
        Assert.Empty(await HeardAsync(enclaves, BrokerProcess.PinOf(administrator), administrator));
    }

    // A gateway's certificate as an enclave gets it, with its key.
    private static async Task<X509Certificate2> GatewayAsync(BrokerFolder folder, BrokerProcess broker, OtherBroker admin)
    {
        using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
        using KbsClient client = new(broker.Url, broker.Pin);
        await admin.MakeKekAsync("gateway", enclave.Policy());
        ReceivedLease lease = ReceivedLease.Read(await client.LeaseAsync(enclave, "gateway"), enclave, broker.Pin);
        byte[] request = new CertificateRequest("CN=gateway", enclave.GatewayKey, HashAlgorithmName.SHA256).CreateSigningRequest();
        CertificateChain chain = (await client.PostAsync(
            KbsPaths.Certificate, JsonSerializer.Serialize(new CertificateRequestMessage(request), KbsJson.Default.CertificateRequestMessage), token: lease.Token))
            .Ok(KbsJson.Default.CertificateChain);
        using X509Certificate2 issued = X509CertificateLoader.LoadCertificate(chain.Chain[0]);
        return issued.CopyWithPrivateKey(enclave.GatewayKey);
    }

    // As who has the database and the root key.
    private static async Task<BrokerAuthority> StolenAuthorityAsync(BrokerFolder folder)
    {
        await using WrappedKeys keys = await WrappedKeys.OpenAsync(folder.Database, TestContext.Current.CancellationToken);
        await keys.UnlockAsync([FileRootKey.Open(folder.RootKeyFile)], TestContext.Current.CancellationToken);
        return await keys.FindAsync(
            WrappedName.OfKey("authority"), key => new BrokerAuthority(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key })), TestContext.Current.CancellationToken)
            ?? throw new InvalidOperationException("the broker has no authority");
    }

    // What an enclave says to a server with this certificate: the beginning of its request, or nothing.
    private static async Task<string> HeardAsync(EnclaveFolder enclaves, string pin, X509Certificate2 leaf, params X509Certificate2[] behind)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        enclaves.Configure(pin, [new Uri($"https://{listener.LocalEndpoint}")]);
        Task<string> heard = ServeAsync(listener, SslStreamCertificateContext.Create(leaf, [.. behind], offline: true));
        await using EnclaveProcess enclave = new(enclaves);
        await enclave.FailsAsync("no broker answers");
        listener.Stop();
        return await heard;
    }

    private static async Task<string> ServeAsync(TcpListener listener, SslStreamCertificateContext certificate)
    {
        StringBuilder heard = new();
        while (true)
        {
            try
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                await using SslStream tls = new(client.GetStream());
                await tls.AuthenticateAsServerAsync(
                    new SslServerAuthenticationOptions { ServerCertificateContext = certificate, EnabledSslProtocols = SslProtocols.Tls13 });
                byte[] buffer = new byte[4096];
                heard.Append(Encoding.ASCII.GetString(buffer, 0, await tls.ReadAsync(buffer)));
            }
            catch (SocketException)
            {
                return heard.ToString(); // the listener was stopped
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                // This client is gone; the next one.
            }
        }
    }
}
