using System.Net;
using Cloister.Attestation.Policies;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Policies;

/// <summary>Reads <c>spec.gateway.names</c>: what serving certificates of gateways are for, besides loopback.</summary>
internal static class GatewayNamesReader
{
    private const int MaxNames = 16;

    public static IReadOnlyList<string> Read(MappingReader spec, PolicyErrors errors)
    {
        if (spec.Mapping("gateway") is not { } gateway)
        {
            return [];
        }

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

        gateway.Finish();
        return names;
    }
}
