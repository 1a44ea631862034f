using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Policies;
using Cloister.Kbs;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Policies;

/// <summary>
/// Reads <c>spec.gateway</c>: what serving certificates of gateways are for, besides loopback (<c>names</c>), and whose certificates gateways accept whose
/// configuration says <c>broker</c> there (<c>clientCa</c>, <c>etcdCa</c>).
/// </summary>
internal static class GatewaySectionReader
{
    private const int MaxNames = 16;

    // A lease carries them, and a sealed copy of it has a limit.
    private const int MaxAuthorities = 8;
    private const int MaxAuthoritiesSize = 16 * 1024;

    public static (IReadOnlyList<string> Names, GatewayTrust? Trust) Read(MappingReader spec, PolicyErrors errors)
    {
        if (spec.Mapping("gateway") is not { } gateway)
        {
            return ([], null);
        }

        IReadOnlyList<string> names = Names(gateway, errors);
        IReadOnlyList<byte[]> clients = Authorities(gateway, "clientCa", errors);
        IReadOnlyList<byte[]> etcd = Authorities(gateway, "etcdCa", errors);
        gateway.Finish();
        return (names, clients.Count + etcd.Count == 0 ? null : new GatewayTrust(clients, etcd));
    }

    private static IReadOnlyList<byte[]> Authorities(MappingReader gateway, string field, PolicyErrors errors)
    {
        if (gateway.Take(field) is not { } node)
        {
            return [];
        }

        try
        {
            X509Certificate2Collection found = [];
            found.ImportFromPem((node as YamlScalarNode)?.Value ?? "");
            if (found.Count is > 0 and <= MaxAuthorities && found.Sum(one => one.RawDataMemory.Length) <= MaxAuthoritiesSize && found.All(IsAuthority))
            {
                return [.. found.Select(one => one.RawData)];
            }
        }
        catch (CryptographicException)
        {
            // Not certificates.
        }

        errors.Add(node, $"spec.gateway.{field}", $"expected 1 to {MaxAuthorities} certificates of authorities (CA:true) in PEM, of {MaxAuthoritiesSize / 1024} KiB at most, in one text");
        return [];
    }

    private static bool IsAuthority(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509BasicConstraintsExtension>().SingleOrDefault() is { CertificateAuthority: true };

    private static List<string> Names(MappingReader gateway, PolicyErrors errors)
    {

        List<string> names = [];
        YamlNode? node = gateway.Take("names");
        if (node is YamlSequenceNode { Children.Count: <= MaxNames } list)
        {
            foreach (YamlNode item in list)
            {
                string name = ((item as YamlScalarNode)?.Value ?? "").ToLowerInvariant();
                if (!IPAddress.TryParse(name, out _) && Uri.CheckHostName(name) != UriHostNameType.Dns)
                {
                    errors.Add(item, "spec.gateway.names", "expected an IP address, or a DNS name without *");
                }

                names.Add(name);
            }
        }
        else if (node is not null)
        {
            errors.Add(node, "spec.gateway.names", $"expected a list of at most {MaxNames} IP addresses and DNS names");
        }

        return names;
    }
}
