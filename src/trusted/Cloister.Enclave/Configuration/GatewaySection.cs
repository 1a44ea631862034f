using System.Net;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Hosting;
using Cloister.Sockets;

namespace Cloister.Enclave.Configuration;

/// <summary>Reads <c>gateway</c>: where an API server connects, where etcd is, what is encrypted. secrets: none.</summary>
internal static class GatewaySection
{
    private const int MaxEndpoints = 16;
    private const int MaxName = 253;
    private const int Mebibyte = 1024 * 1024;

    internal static GatewayOptions? Read(ConfigurationMapping root, string custody, bool broker)
    {
        if (!root.Has("gateway"))
        {
            return null;
        }

        ConfigurationMapping section = root.Mapping("gateway");
        ListenAddress? listen = section.Parsed("listen", ListenAddress.Parse("tcp:127.0.0.1:2390", out _), Listen);
        ConfigurationMapping tls = section.Mapping("tls", required: true);
        bool files = tls.OneOf("issuer", "file", false, "file", "broker") == "file";
        string? certificate = File(tls, "certificate", required: files);
        string? key = File(tls, "key", required: files);
        if (!files && (certificate ?? key) is not null)
        {
            tls.Fail("issuer", "the broker issues the certificate for a key made here: leave certificate and key out");
        }

        if (!files && !broker)
        {
            tls.Fail("issuer", "broker needs a custody that uses one: attested, or remote or passthrough with the section broker");
        }

        (string? clientCa, CaBinding clientCaBinding) = CaSection.Read(tls, "clientCa", required: true, broker);
        IReadOnlyList<string> clients = tls.List("clients", Client);
        if (tls.Has("clients") && clients.Count == 0)
        {
            tls.Fail("clients", "at least one name; leave it out to let in every certificate of clientCa");
        }

        tls.RefuseUnknown();

        ConfigurationMapping etcd = section.Mapping("etcd", required: true);
        IReadOnlyList<EtcdEndpoint> endpoints = etcd.List("endpoints", Endpoint);
        if (endpoints.Count is 0 or > MaxEndpoints)
        {
            etcd.Fail("endpoints", $"1 to {MaxEndpoints} of etcd's members, such as https://127.0.0.1:2379");
        }

        (string? ca, CaBinding caBinding) = CaSection.Read(etcd, "ca", required: false, broker);
        string? etcdCertificate = File(etcd, "certificate", required: false);
        string? etcdKey = File(etcd, "key", required: false);
        if (endpoints.Any(endpoint => endpoint.Tls) && ca is null)
        {
            etcd.Fail("ca", "is needed for https endpoints");
        }

        if (endpoints.Any(endpoint => !endpoint.Tls) && (ca ?? etcdCertificate) is not null)
        {
            etcd.Fail("endpoints", "certificates are for https endpoints: a forgotten \"s\" must not send anything in clear");
        }

        if ((etcdCertificate is null) != (etcdKey is null))
        {
            etcd.Fail("key", "certificate and key go together");
        }

        etcd.RefuseUnknown();
        IReadOnlyList<string> prefixes = section.Has("prefixes") ? section.List("prefixes", Prefix) : [GatewayRules.DefaultPrefix];
        if (prefixes.Count == 0)
        {
            section.Fail("prefixes", $"at least one, such as {GatewayRules.DefaultPrefix}");
        }

        GatewayOptions? options = listen is null ? null : new GatewayOptions
        {
            Listen = listen,
            CertificatePath = certificate,
            KeyPath = key,
            ClientCaPath = clientCa ?? "",
            ClientCaBinding = clientCaBinding,
            Clients = clients,
            Endpoints = endpoints,
            EtcdCaPath = ca,
            EtcdCaBinding = caBinding,
            EtcdCertificatePath = etcdCertificate,
            EtcdKeyPath = etcdKey,
            Prefixes = prefixes,
            Uncovered = section.List("uncovered", Uncovered),
            Keks = NamespaceKeksSection.Read(section, custody),
            Mode = section.OneOf("mode", "adopt", false, "adopt", "sealed") == "sealed" ? PlaintextMode.Sealed : PlaintextMode.Adopt,
            Seeds = Seeds(section.Mapping("seeds")),
            MaxConnections = section.Number("maxConnections", EnclaveNeeds.AsFits, 1, 4096),
            MaxMessageSize = section.Number("maxMessageMiB", EnclaveNeeds.AsFits, 4, 1024) * Mebibyte,
            Memory = section.Number("memoryMiB", EnclaveNeeds.AsFits, 16, 1024 * 1024) * (long)Mebibyte,
        };
        section.RefuseUnknown();
        return options;
    }

    private static SeedOptions Seeds(ConfigurationMapping section)
    {
        SeedOptions defaults = SeedOptions.Default;
        SeedOptions options = new(
            section.Duration("maxAge", defaults.MaxAge, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24)),
            section.Number("maxWrites", defaults.MaxWrites, 1, 1_000_000),
            section.Number("cache", defaults.CacheCapacity, 16, 1_048_576));
        section.RefuseUnknown();
        return options;
    }

    private static ListenAddress? Listen(string text)
    {
        // From wherever it is reached, a client shows a certificate of gateway.tls.clientCa.
        ListenAddress address = ListenAddress.ParseAny(text, out string error) ?? throw new FormatException(error);
        return address.EndPoint is IPEndPoint ? address : throw new FormatException("an API server connects over TCP, such as tcp:127.0.0.1:2390");
    }

    private static string? File(ConfigurationMapping section, string field, bool required) => section.Parsed<string?>(
        field, null, text => text.StartsWith('/') ? text : throw new FormatException("an absolute path of a PEM file"), required);

    private static string Prefix(string text)
    {
        try
        {
            _ = new GatewayRules([text], PlaintextMode.Adopt);
            return text;
        }
        catch (ArgumentException)
        {
            throw new FormatException("a prefix begins and ends with / around a name");
        }
    }

    private static string Uncovered(string text) =>
        text.Length > 0 ? text : throw new FormatException("the beginning of keys, such as /registry/configmaps/: their values are not encrypted");

    private static string Client(string text) =>
        text.Length is > 0 and <= MaxName ? text : throw new FormatException("a name in a client's certificate (CN, or a DNS name), such as kube-apiserver-etcd-client");

    private static EtcdEndpoint Endpoint(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            || uri.Scheme is not ("http" or "https")
            || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0 || uri.Port <= 0)
        {
            throw new FormatException("https://HOST:PORT, or http://127.0.0.1:PORT for development");
        }

        bool tls = uri.Scheme == "https";
        if (!tls && !uri.IsLoopback)
        {
            throw new FormatException("without TLS only on this machine: etcd and the way there are not trusted with who may write");
        }

        EndPoint endPoint = IPAddress.TryParse(uri.DnsSafeHost, out IPAddress? address)
            ? new IPEndPoint(address, uri.Port)
            : new DnsEndPoint(uri.DnsSafeHost, uri.Port);
        return new EtcdEndpoint(endPoint, uri.DnsSafeHost, tls);
    }
}
