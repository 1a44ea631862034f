using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Tokens;
using Cloister.Certificates;
using Cloister.Kbs;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// What TLS clients of one listener are shown: a certificate from files, or one that the authority issued, which is issued again every 30 days. Either is
/// marked for the listener's role. TLS 1.3 only. Thread-safe. secrets: the certificate's private key.
/// </summary>
internal sealed class ServerCertificate : IDisposable
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RenewAfter = TimeSpan.FromDays(30);

    private readonly BrokerAuthority? _authority;
    private readonly string _role;
    private readonly TimeProvider _clock;
    private readonly List<IDisposable> _owned = [];
    private SslStreamCertificateContext _context;
    private DateTimeOffset _issuedAt;
    private string _issuer = "";

    /// <summary>Reads the files, or has a certificate issued.</summary>
    /// <param name="role">What the listener is, of <see cref="CertificateRole"/>.</param>
    /// <param name="files">The files, or null.</param>
    /// <param name="authority">Issues.</param>
    /// <param name="clock">The time.</param>
    /// <exception cref="BrokerConfigurationException">The files hold no certificate and its key, or one that is not marked for this role.</exception>
    public ServerCertificate(string role, TlsFiles? files, BrokerAuthority authority, TimeProvider clock)
    {
        _role = role;
        _authority = files is null ? authority : null;
        _clock = clock;
        _context = files is null ? Issue(authority) : Read(files);
    }

    /// <summary>What the listener is, of <see cref="CertificateRole"/>.</summary>
    public string Role => _role;

    /// <summary>When the certificate ends that clients are shown now.</summary>
    public DateTimeOffset Expires => new(Volatile.Read(ref _context).TargetCertificate.NotAfter);

    /// <summary>Issues a new certificate when it is time, or the authority has another key. Connections that are open keep the old one.</summary>
    public void RenewIfDue()
    {
        if (_authority is not null && (_clock.GetUtcNow() - _issuedAt >= RenewAfter || _authority.Pin != _issuer))
        {
            Volatile.Write(ref _context, Issue(_authority));
        }
    }

    /// <summary>How Kestrel is to do TLS.</summary>
    /// <param name="acceptClient">Accepts client certificates, which are required then; null: none are asked for.</param>
    public TlsHandshakeCallbackOptions Options(RemoteCertificateValidationCallback? acceptClient = null) => new()
    {
        HandshakeTimeout = HandshakeTimeout,
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = Volatile.Read(ref _context),
            EnabledSslProtocols = SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            ClientCertificateRequired = acceptClient is not null,
            RemoteCertificateValidationCallback = acceptClient,

            // A resumed session would bring its client's identity from before, also after that was taken off the list.
            AllowTlsResume = acceptClient is null,
        }),
    };

    /// <summary>Reads files as a listener does, and keeps nothing.</summary>
    /// <exception cref="PemException">They hold no certificate and its key, or one that is not marked for this role.</exception>
    internal static void CheckFiles(string role, TlsFiles files) => ReadFiles(role, files).Leaf.Dispose();

    /// <inheritdoc />
    public void Dispose() => _owned.ForEach(one => one.Dispose());

    private SslStreamCertificateContext Issue(BrokerAuthority authority)
    {
        _issuedAt = _clock.GetUtcNow();
        _issuer = authority.Pin;
        TlsIdentity identity = authority.IssueTlsIdentity(_role, _issuedAt);
        _owned.Add(identity);
        return SslStreamCertificateContext.Create(identity.Leaf, identity.Authorities, offline: true);
    }

    private SslStreamCertificateContext Read(TlsFiles files)
    {
        try
        {
            (X509Certificate2 leaf, X509Certificate2Collection others) = ReadFiles(_role, files);
            _owned.Add(leaf);
            return SslStreamCertificateContext.Create(leaf, others, offline: true);
        }
        catch (PemException e)
        {
            throw new BrokerConfigurationException($"tls: {e.Message}");
        }
    }

    private static (X509Certificate2 Leaf, X509Certificate2Collection Others) ReadFiles(string role, TlsFiles files)
    {
        (X509Certificate2 leaf, X509Certificate2Collection others) = PemFiles.ReadIdentity(files.Certificate, files.Key);
        if (CertificateRole.Has(leaf, role))
        {
            return (leaf, others);
        }

        leaf.Dispose();
        throw new PemException(
            $"{files.Certificate} is not marked for this use, so no client would accept it: its extended key usage has to have serverAuth, its subject "
            + $"alternative names URI:{role} (docs/broker.md, 'A certificate of your own')");
    }
}
