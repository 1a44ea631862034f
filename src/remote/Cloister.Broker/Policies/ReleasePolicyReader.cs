using System.Text;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Policies;
using Cloister.Kbs;
using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Policies;

/// <summary>
/// Reads <c>kind: ReleasePolicy</c>: <c>spec.appraisal</c> (the sections of an appraisal policy), <c>spec.configDigests</c>, <c>spec.roots</c>,
/// <c>spec.initData</c>, <c>spec.lease</c> and <c>spec.gateway</c>. Unknown fields are refused, all errors are reported at once.
/// </summary>
public static class ReleasePolicyReader
{
    /// <summary>The kind of the document.</summary>
    public const string Kind = "ReleasePolicy";

    private const int MaxLength = 1024 * 1024;
    private const int ConfigDigits = 96;

    /// <summary>Reads a policy.</summary>
    public static ReleasePolicyReadResult Read(string yaml)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        PolicyErrors errors = new();
        try
        {
            ReleasePolicy? policy = ReadDocument(PlainYaml.Load(yaml, MaxLength), errors);
            return new ReleasePolicyReadResult(errors.Any ? null : policy, errors.Sorted);
        }
        catch (PlainYamlException e)
        {
            return new ReleasePolicyReadResult(null, [new PolicyError(e.Line, e.Column, "", e.Message)]);
        }
    }

    private static ReleasePolicy? ReadDocument(YamlMappingNode root, PolicyErrors errors)
    {
        MappingReader document = new(root, "", errors);
        AppraisalPolicyReader.Constant(document, "apiVersion", AppraisalPolicyReader.ApiVersion, root, errors);
        AppraisalPolicyReader.Constant(document, "kind", Kind, root, errors);
        MappingReader? metadata = document.Mapping("metadata");
        string name = metadata?.Text("name") ?? "";
        metadata?.Finish();
        if (name.Length == 0)
        {
            errors.Add(root, "metadata.name", "missing");
        }

        if (document.Mapping("spec") is not { } spec)
        {
            errors.Add(root, "spec", "missing");
            document.Finish();
            return null;
        }

        List<PolicySection> sections = ReadAppraisal(spec, root, errors);
        HashSet<string>? configDigests = ReadConfigDigests(spec, root, errors);
        List<Certificate> roots = ReadRoots(spec, errors);
        (IReadOnlyList<string> gatewayNames, GatewayTrust? gatewayTrust) = GatewaySectionReader.Read(spec, errors);
        InitDataRule? initData = InitDataRule.Read(spec, errors);
        LeaseAllowance? lease = LeaseAllowanceReader.Read(spec, root, errors);
        spec.Finish();
        document.Finish();
        return errors.Any || lease is null
            ? null
            : new ReleasePolicy(new AppraisalPolicy(name, sections), configDigests, roots, lease, gatewayNames, initData) { GatewayTrust = gatewayTrust };
    }

    private static List<PolicySection> ReadAppraisal(MappingReader spec, YamlNode root, PolicyErrors errors)
    {
        if (spec.Mapping("appraisal") is not { } appraisal)
        {
            errors.Add(root, "spec.appraisal", "missing");
            return [];
        }

        List<PolicySection> sections = AppraisalPolicyReader.ReadSections(appraisal, errors);
        appraisal.Finish();
        return sections;
    }

    private static HashSet<string>? ReadConfigDigests(MappingReader spec, YamlNode root, PolicyErrors errors)
    {
        HashSet<string> digests = new(StringComparer.Ordinal);
        YamlNode? node = spec.Take("configDigests");
        if (node is YamlScalarNode { Value: "any" })
        {
            return null;
        }

        if (node is not YamlSequenceNode { Children.Count: > 0 } list)
        {
            errors.Add(node ?? root, "spec.configDigests", "expected a list of SHA-384 digests in hex, or any");
            return digests;
        }

        foreach (YamlNode item in list)
        {
            string digest = (item as YamlScalarNode)?.Value ?? "";
            if (digest.Length != ConfigDigits || !digest.All(char.IsAsciiHexDigit))
            {
                errors.Add(item, "spec.configDigests", $"expected {ConfigDigits} hex digits");
            }

            digests.Add(digest.ToLowerInvariant());
        }

        return digests;
    }

    private static List<Certificate> ReadRoots(MappingReader spec, PolicyErrors errors)
    {
        List<Certificate> roots = [];
        YamlNode? node = spec.Take("roots");
        if (node is not (null or YamlSequenceNode))
        {
            errors.Add(node, "spec.roots", "expected a list of certificates in PEM");
        }

        foreach (YamlNode item in (node as YamlSequenceNode)?.Children ?? [])
        {
            try
            {
                roots.AddRange(PemCertificates.Parse(Encoding.UTF8.GetBytes((item as YamlScalarNode)?.Value ?? "")));
            }
            catch (EvidenceFormatException)
            {
                errors.Add(item, "spec.roots", "expected a certificate in PEM");
            }
        }

        return roots;
    }
}
