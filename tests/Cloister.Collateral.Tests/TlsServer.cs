using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral.Tests;

/// <summary>A caching service behind TLS on this machine, whose certificate is from an authority of its own.</summary>
internal sealed class TlsServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _authority;
    private readonly X509Certificate2 _certificate;
    private readonly Dictionary<string, (byte[] Body, string Header)> _routes = [];

    public TlsServer()
    {
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authority = new("CN=private CA", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = authority.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=pccs", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 issued = request.Create(_authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddHours(20), [1]);
        _certificate = X509CertificateLoader.LoadPkcs12(issued.CopyWithPrivateKey(key).Export(X509ContentType.Pfx), null);
        _listener.Start();
        Address = new Uri($"https://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _ = ServeAsync();
    }

    public Uri Address { get; }

    /// <summary>Its authority, PEM.</summary>
    public string Authority => _authority.ExportCertificatePem();

    public void Serve(string tee, string fmspc, string ca, DcapCollateral collateral)
    {
        string Chain(string header, ReadOnlyMemory<byte> chain) => $"{header}: {Uri.EscapeDataString(Encoding.ASCII.GetString(chain.Span))}\r\n";
        _routes[$"/{tee}/certification/v4/tcb?fmspc={fmspc}&update=standard"] = (collateral.TcbInfo.ToArray(), Chain("TCB-Info-Issuer-Chain", collateral.TcbSigningChain));
        _routes[$"/{tee}/certification/v4/qe/identity?update=standard"] = (collateral.QeIdentity.ToArray(), Chain("SGX-Enclave-Identity-Issuer-Chain", collateral.TcbSigningChain));
        _routes[$"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der"] = (collateral.PckCrl.ToArray(), Chain("SGX-PCK-CRL-Issuer-Chain", collateral.PckCrlIssuerChain));
        _routes["/sgx/certification/v4/rootcacrl"] = (collateral.RootCaCrl.ToArray(), "");
    }

    public void Dispose()
    {
        _listener.Dispose();
        _certificate.Dispose();
        _authority.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Closed.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using TcpClient owned = client;
        try
        {
            await using SslStream stream = new(client.GetStream());
            await stream.AuthenticateAsServerAsync(_certificate);
            using StreamReader reader = new(stream, Encoding.ASCII, leaveOpen: true);
            string path = (await reader.ReadLineAsync())!.Split(' ')[1];
            while (await reader.ReadLineAsync() is { Length: > 0 })
            {
                // Headers.
            }

            bool known = _routes.TryGetValue(path, out (byte[] Body, string Header) route);
            byte[] body = known ? route.Body : [];
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {(known ? "200 OK" : "404 Not Found")}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n{(known ? route.Header : "")}\r\n"));
            await stream.WriteAsync(body);
            await stream.FlushAsync();
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client does not trust it.
        }
    }
}
