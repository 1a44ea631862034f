using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Certificates;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;
using Cloister.Kbs;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// TLS on both sides: API servers need a certificate of the client authority, etcd's name and chain are checked against its own. Only
/// HTTP/2 is spoken. secrets: both private keys, in .NET's TLS.
/// </summary>
internal sealed class GatewayTls
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly Func<Func<bool>, SslStreamCertificateContext> _serving;
    private readonly Func<X509ChainPolicy> _clients;
    private readonly Func<X509ChainPolicy>? _etcdChain;
    private readonly TlsFiles<SslStreamCertificateContext>? _etcdCertificate;
    private readonly List<ITlsFiles> _files = [];
    private readonly List<LeasedAuthorities> _leased = [];
    private readonly LeaseSource? _broker;
    private readonly EnclaveLog _log;
    private readonly IReadOnlyList<string> _names;

    /// <summary>Reads every file.</summary>
    /// <param name="options">Which.</param>
    /// <param name="log">Log.</param>
    /// <param name="issued">Gives the certificate for a handshake when it is not one of files.</param>
    /// <param name="broker">The lease, for authorities that the configuration leaves to the broker.</param>
    /// <exception cref="StartException">One is missing or not what it should be.</exception>
    internal GatewayTls(GatewayOptions options, EnclaveLog log, Func<Func<bool>, SslStreamCertificateContext>? issued = null, LeaseSource? broker = null)
    {
        _log = log;
        _broker = broker;
        if (options is { CertificatePath: { } serving, KeyPath: { } servingKey })
        {
            TlsFiles<SslStreamCertificateContext> files = Certificate("gateway.tls", serving, servingKey);
            issued = _ => files.Current;
        }

        _names = options.Clients;
        _serving = issued ?? throw new StartException("gateway.tls: neither files nor a broker give a serving certificate");
        _clients = Authorities("gateway.tls.clientCa", options.ClientCaPath, options.ClientCaBinding, ClientAuthentication, trust => trust.ClientAuthorities);
        if (options.EtcdCaPath is { } ca)
        {
            _etcdChain = Authorities("gateway.etcd.ca", ca, options.EtcdCaBinding, ServerAuthentication, trust => trust.EtcdAuthorities);
        }

        if (options is { EtcdCertificatePath: { } certificate, EtcdKeyPath: { } key })
        {
            _etcdCertificate = Certificate("gateway.etcd", certificate, key);
        }
    }

    /// <summary>The files that may change meanwhile.</summary>
    internal IReadOnlyList<ITlsFiles> Files => _files;

    /// <summary>When the first certificate of that field ends, of files or of a lease; null when it has none.</summary>
    internal DateTime? Expires(string field) => _files.Find(files => files.Field == field) switch
    {
        null => _leased.Find(authorities => authorities.Name == field)?.Expires,
        TlsFiles<SslStreamCertificateContext> identity => identity.Current.TargetCertificate.NotAfter,
        TlsFiles<X509ChainPolicy> authorities => authorities.Current.CustomTrustStore.Min(authority => authority.NotAfter),
        _ => null,
    };

    /// <summary>True once after the broker withdrew an authority: connections that it vouched for are to end.</summary>
    internal bool TakeWithdrawal()
    {
        bool withdrawn = false;
        _leased.ForEach(authorities => withdrawn |= authorities.TakeWithdrawal());
        return withdrawn;
    }

    /// <summary>The certificate for a handshake; each may have another one, and connections that are open keep theirs.</summary>
    /// <param name="wanted">False once nobody waits for it.</param>
    /// <exception cref="IOException">There is no serving certificate now.</exception>
    internal SslStreamCertificateContext Serving(Func<bool> wanted) => _serving(wanted);

    /// <summary>The API server's side.</summary>
    /// <exception cref="AuthenticationException">No certificate, or none of the authority's, or no HTTP/2.</exception>
    /// <exception cref="NoAuthorityException">The broker names none.</exception>
    internal SslStream Accept(Stream stream, SslStreamCertificateContext certificate)
    {
        SslServerAuthenticationOptions options = new()
        {
            ServerCertificateContext = certificate,
            ClientCertificateRequired = true,
            CertificateChainPolicy = _clients(),
            RemoteCertificateValidationCallback = IsClient,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,

            // Each connection shows its certificate: authorities change.
            AllowTlsResume = false,
        };
        return WithHttp2(new SslStream(stream), tls => tls.AuthenticateAsServer(options));
    }

    /// <summary>etcd's side.</summary>
    /// <exception cref="AuthenticationException">Its certificate is not accepted, or it speaks no HTTP/2.</exception>
    internal SslStream Connect(Stream stream, EtcdEndpoint endpoint)
    {
        SslClientAuthenticationOptions options = new()
        {
            TargetHost = endpoint.Host,
            CertificateChainPolicy = _etcdChain?.Invoke(),
            ClientCertificateContext = _etcdCertificate?.Current,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        return WithHttp2(new SslStream(stream), tls => tls.AuthenticateAsClient(options));
    }

    // Beyond the chain, which was checked before.
    private bool IsClient(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        errors == SslPolicyErrors.None && certificate is X509Certificate2 client && (_names.Count == 0 || ClientNames.Of(client).Any(_names.Contains));

    private static SslStream WithHttp2(SslStream tls, Action<SslStream> authenticate)
    {
        try
        {
            authenticate(tls);
            return tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2
                ? tls
                : throw new AuthenticationException("the peer does not speak HTTP/2");
        }
        catch
        {
            tls.Dispose();
            throw;
        }
    }

    private Func<X509ChainPolicy> Authorities(string field, string path, CaBinding binding, string purpose, Func<GatewayTrust, IReadOnlyList<byte[]>> which)
    {
        if (binding.IsOfBroker)
        {
            LeasedAuthorities leased = new(
                field, _broker ?? throw new StartException($"{field}: broker needs a custody that uses one"), which, found => Policy(found, purpose), _log);
            _leased.Add(leased);
            return () => leased.Current;
        }

        TlsFiles<X509ChainPolicy> files = Keep(new TlsFiles<X509ChainPolicy>(
            field,
            () => Read(field, () => Policy(binding.Pem is { } pem ? PemFiles.ReadAuthorities(field, pem) : Pinned(field, path, binding), purpose)),
            binding.Pem is null ? [path] : []));
        return () => files.Current;
    }

    // Only these authorities, not the system's as well.
    private static X509ChainPolicy Policy(X509Certificate2Collection authorities, string purpose)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.ApplicationPolicy.Add(new Oid(purpose));
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    // What is checked is what is used: the file is read once.
    private static X509Certificate2Collection Pinned(string field, string path, CaBinding binding)
    {
        byte[] file = PemFiles.ReadBytes(path);
        return binding.Accepts(file)
            ? PemFiles.ReadAuthorities(path, Encoding.UTF8.GetString(file))
            : throw new StartException($"{field}: what {path} holds is not what {field}Pins pins: put the pinned file back, or pin the new one too and start with that configuration");
    }

    private TlsFiles<SslStreamCertificateContext> Certificate(string field, string path, string keyPath) =>
        Keep(new TlsFiles<SslStreamCertificateContext>(field, () => Read(field, () =>
        {
            (X509Certificate2 leaf, X509Certificate2Collection others) = PemFiles.ReadIdentity(path, keyPath);
            return SslStreamCertificateContext.Create(leaf, others, offline: true);
        }), path, keyPath));

    private TlsFiles<T> Keep<T>(TlsFiles<T> files)
        where T : class
    {
        _files.Add(files);
        return files;
    }

    private static T Read<T>(string field, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (PemException e)
        {
            throw new StartException($"{field}: {e.Message}");
        }
    }
}
