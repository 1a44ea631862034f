namespace Cloister.Attestation.Appraise;

/// <summary>
/// Which authentic evidence is acceptable. A section for each kind of TEE that is acceptable at all; in each section every rule of <see cref="RequiredRules"/> is either stated or
/// waived by an explicit <c>any</c>. What is missing refuses.
/// </summary>
public sealed class AppraisalPolicy
{
    private readonly Dictionary<Tee, PolicySection> _sections;

    /// <summary>A policy of these sections.</summary>
    public AppraisalPolicy(string name, params IEnumerable<PolicySection> sections)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
        _sections = sections.ToDictionary(s => s.Tee);
    }

    /// <summary>Name, for logs and results.</summary>
    public string Name { get; }

    /// <summary>All sections.</summary>
    public IReadOnlyCollection<PolicySection> Sections => _sections.Values;

    /// <summary>The section for <paramref name="tee"/>; null when such evidence is not acceptable.</summary>
    public PolicySection? SectionFor(Tee tee) => _sections.GetValueOrDefault(tee);
}
