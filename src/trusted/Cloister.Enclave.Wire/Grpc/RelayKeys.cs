using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// TLS 1.3 with relays, for sockets whose peers no kernel names (tcp:, vsock:): a relay shows a key that the measured configuration pins, and the
/// enclave one that it made for this life. Names, chains and dates of certificates count for nothing. secrets: the enclave's TLS key, in .NET's TLS.
/// </summary>
internal sealed class RelayKeys : IDisposable
{
    // The clock is the host's, so the certificate is always valid.
    private static readonly DateTimeOffset Begin = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2099, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly IReadOnlyList<byte[]> _pins;
    private readonly X509Certificate2 _certificate;
    private readonly SslStreamCertificateContext _context;

    /// <summary>Makes the enclave's key.</summary>
    /// <param name="pins">SHA-256 of SubjectPublicKeyInfo, at least one.</param>
    internal RelayKeys(IReadOnlyList<byte[]> pins)
    {
        ArgumentOutOfRangeException.ThrowIfZero(pins.Count);
        _pins = pins;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _certificate = new CertificateRequest("CN=cloister-enclave", key, HashAlgorithmName.SHA256).CreateSelfSigned(Begin, End);
        _context = SslStreamCertificateContext.Create(_certificate, null, offline: true);
    }

    /// <summary>Does the enclave's part of a handshake.</summary>
    /// <returns>What is spoken inside; the caller disposes it, and the stream with it.</returns>
    /// <exception cref="AuthenticationException">No TLS, or no key that is pinned.</exception>
    /// <exception cref="IOException">The peer is gone.</exception>
    internal SslStream Accept(Stream stream)
    {
        SslServerAuthenticationOptions options = new()
        {
            ServerCertificateContext = _context,
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls13,
            RemoteCertificateValidationCallback = IsPinned,

            // Nothing is fetched and no store of the machine is asked.
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
            },

            // Each connection shows its key.
            AllowTlsResume = false,
            AllowRenegotiation = false,
        };
        SslStream tls = new(stream);
        try
        {
            tls.AuthenticateAsServer(options);
            return tls;
        }
        catch
        {
            tls.Dispose();
            throw;
        }
    }

    public void Dispose() => _certificate.Dispose();

    private bool IsPinned(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 shown)
        {
            return false;
        }

        byte[] digest = SHA256.HashData(shown.PublicKey.ExportSubjectPublicKeyInfo());
        return _pins.Any(pin => pin.AsSpan().SequenceEqual(digest));
    }
}
