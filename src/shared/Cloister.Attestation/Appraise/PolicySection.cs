namespace Cloister.Attestation.Appraise;

/// <summary>The rules of a policy for one kind of TEE.</summary>
public sealed class PolicySection
{
    private readonly Dictionary<string, AppraisalRule> _rules = new(StringComparer.Ordinal);
    private readonly HashSet<string> _waived = new(StringComparer.Ordinal);

    /// <summary>A section of these rules.</summary>
    /// <param name="tee">Whose evidence it is for.</param>
    /// <param name="rules">At most one of each name.</param>
    /// <param name="waived">Names of rules that do not apply, by an explicit decision.</param>
    public PolicySection(Tee tee, IEnumerable<AppraisalRule> rules, IEnumerable<string> waived)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(waived);
        Tee = tee;
        foreach (AppraisalRule rule in rules)
        {
            _rules.Add(rule.Name, rule);
        }

        foreach (string name in waived)
        {
            if (_rules.ContainsKey(name))
            {
                throw new ArgumentException($"Rule '{name}' is both stated and waived.", nameof(waived));
            }

            _waived.Add(name);
        }
    }

    /// <summary>Whose evidence the section is for.</summary>
    public Tee Tee { get; }

    /// <summary>Rules that are stated.</summary>
    public IReadOnlyCollection<AppraisalRule> Rules => _rules.Values;

    /// <summary>Names of rules that are waived, sorted.</summary>
    public IReadOnlyList<string> Waived => [.. _waived.Order(StringComparer.Ordinal)];

    /// <summary>Required rules that are neither stated nor waived.</summary>
    public IReadOnlyList<string> Missing =>
        [.. RequiredRules.For(Tee).Where(name => !_waived.Contains(name) && !_rules.ContainsKey(name))];
}
