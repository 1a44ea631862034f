using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Policies;

namespace Cloister.Cli.Policy;

/// <summary>A policy as text, from the rules of one section.</summary>
/// <param name="Tee">Whose evidence it accepts.</param>
/// <param name="Rules">The rules.</param>
internal sealed record MeasuredPolicy(Tee Tee, IReadOnlyList<PolicyRule> Rules)
{
    /// <summary>The rule of a ReleasePolicy that names configurations.</summary>
    internal const string ConfigDigests = "configDigests";

    /// <summary>Rules that are neither stated nor waived: evidence is refused because of them.</summary>
    internal IReadOnlyList<string> Missing => [.. Rules.Where(rule => rule.Value is null).Select(rule => rule.Name)];

    /// <summary>The same with rules waived.</summary>
    /// <exception cref="CliException">There is no such rule.</exception>
    internal MeasuredPolicy Waiving(IReadOnlyList<string> names)
    {
        foreach (string name in names.Where(name => name != ConfigDigests && !RequiredRules.For(Tee).Contains(name)))
        {
            throw new CliException($"--any {name}: there is no such rule. Rules are {string.Join(", ", RequiredRules.For(Tee).Append(ConfigDigests))}");
        }

        return this with { Rules = [.. Rules.Select(rule => names.Contains(rule.Name) ? rule with { Value = "any", Note = "WAIVED" } : rule)] };
    }

    /// <summary><c>kind: AppraisalPolicy</c>.</summary>
    internal string ToAppraisalPolicy(string name)
    {
        StringBuilder text = Head(AppraisalPolicyReader.Kind, name);
        AppendSection(text, "  ");
        return text.ToString();
    }

    /// <summary><c>kind: ReleasePolicy</c>: the same under <c>spec.appraisal</c>, with the configurations and the lease.</summary>
    /// <param name="name">The policy's name.</param>
    /// <param name="configurations">The configuration files' bytes; null: any configuration.</param>
    /// <param name="lease">YAML of the lease on one line.</param>
    internal string ToReleasePolicy(string name, IReadOnlyList<byte[]>? configurations, string lease)
    {
        StringBuilder text = Head("ReleasePolicy", name).Append("  appraisal:\n");
        AppendSection(text, "    ");
        if (configurations is null)
        {
            text.Append("  configDigests: any    # WAIVED\n");
        }
        else
        {
            text.Append("  configDigests:    # SHA-384 of the enclave's configuration\n");
            foreach (byte[] file in configurations)
            {
                text.Append("    - \"").Append(Convert.ToHexStringLower(SHA384.HashData(file))).Append("\"\n");
            }
        }

        return text.Append("  lease: ").Append(lease).Append('\n').ToString();
    }

    private static StringBuilder Head(string kind, string name) => new(
        $"apiVersion: {AppraisalPolicyReader.ApiVersion}\nkind: {kind}\nmetadata:\n  name: \"{name}\"\nspec:\n");

    /// <summary>The section alone.</summary>
    internal void AppendSection(StringBuilder text, string indent)
    {
        text.Append(indent).Append(Tee.ToString().ToLowerInvariant()).Append(":\n");
        string? open = null;
        foreach (PolicyRule rule in Rules)
        {
            string inner = indent + "  ";
            if (rule.Group != open && rule.Group is { } group)
            {
                // A mapping of which nothing is stated would be an empty value.
                text.Append(inner).Append(Rules.Any(other => other.Group == group && other.Value is not null) ? "" : "# ").Append(group).Append(":\n");
            }

            open = rule.Group;
            text.Append(inner).Append(rule.Group is null ? "" : "  ").Append(rule.Value is null ? "# " : "").Append(rule.Field).Append(':');
            text.Append(rule.Value is null ? " LEFT OUT, SO REFUSED: " : $" {rule.Value}");
            text.Append(rule.Value is null ? rule.Note : rule.Note.Length > 0 ? $"    # {rule.Note}" : "").Append('\n');
        }
    }
}
