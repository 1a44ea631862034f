using Cloister.Attestation.Appraise;
using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>
/// Reads <c>kind: AppraisalPolicy</c>. The schema is documented in docs/attestation.md. Unknown fields are refused and all errors are reported at once. A rule that is left out is no error
/// here: the policy refuses evidence because of it, and says which rule it is.
/// </summary>
public static class AppraisalPolicyReader
{
    /// <summary>The version this library reads.</summary>
    public const string ApiVersion = "cloister.dev/v1alpha1";

    /// <summary>The kind of the document.</summary>
    public const string Kind = "AppraisalPolicy";

    private const int MaximumLength = 1024 * 1024;

    /// <summary>Reads a policy from YAML (or JSON, which is YAML).</summary>
    public static PolicyReadResult Read(string yaml)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        PolicyErrors errors = new();
        try
        {
            AppraisalPolicy? policy = ReadDocument(PlainYaml.Load(yaml, MaximumLength), errors);
            return new PolicyReadResult(errors.Any ? null : policy, errors.Sorted);
        }
        catch (PlainYamlException e)
        {
            return new PolicyReadResult(null, [new PolicyError(e.Line, e.Column, "", e.Message)]);
        }
    }

    private static AppraisalPolicy? ReadDocument(YamlMappingNode root, PolicyErrors errors)
    {
        MappingReader document = new(root, "", errors);
        Constant(document, "apiVersion", ApiVersion, root, errors);
        Constant(document, "kind", Kind, root, errors);
        string name = "";
        if (document.Mapping("metadata") is { } metadata)
        {
            name = metadata.Text("name") ?? "";
            metadata.Finish();
        }

        if (name.Length == 0)
        {
            errors.Add(root, "metadata.name", "missing");
        }

        List<PolicySection> sections = [];
        if (document.Mapping("spec") is { } spec)
        {
            sections = ReadSections(spec, errors);
            spec.Finish();
        }
        else
        {
            errors.Add(root, "spec", "missing");
        }

        document.Finish();
        return errors.Any ? null : new AppraisalPolicy(name, sections);
    }

    /// <summary>The sections among the fields of <paramref name="fields"/>; the caller finishes it.</summary>
    internal static List<PolicySection> ReadSections(MappingReader fields, PolicyErrors errors)
    {
        List<PolicySection> sections = [];
        AddSection(fields, "sgx", IntelSections.ReadSgx, sections, errors);
        AddSection(fields, "tdx", IntelSections.ReadTdx, sections, errors);
        AddSection(fields, "snp", SnpSection.Read, sections, errors);
        AddSection(fields, "nitro", NitroSection.Read, sections, errors);
        AddSection(fields, "az-snp-vtpm", AzureSections.ReadSnp, sections, errors);
        AddSection(fields, "az-tdx-vtpm", AzureSections.ReadTdx, sections, errors);
        return sections;
    }

    /// <summary>A field that says what kind of document this is.</summary>
    internal static void Constant(MappingReader reader, string field, string expected, YamlNode root, PolicyErrors errors)
    {
        YamlNode? node = reader.Take(field);
        if ((node as YamlScalarNode)?.Value != expected)
        {
            errors.Add(node ?? root, field, $"expected {expected}");
        }
    }

    private static void AddSection(
        MappingReader spec, string field, Func<MappingReader, PolicyErrors, PolicySection> read, List<PolicySection> sections, PolicyErrors errors)
    {
        if (spec.Mapping(field) is { } section)
        {
            sections.Add(read(section, errors));
        }
    }
}
