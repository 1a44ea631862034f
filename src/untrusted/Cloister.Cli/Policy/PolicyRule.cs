namespace Cloister.Cli.Policy;

/// <summary>One rule of a policy's section, as text.</summary>
/// <param name="Name">The rule's name in messages, such as <c>tcb.minDate</c>.</param>
/// <param name="Value">Its value as YAML on one line; null: not known, so the rule is left out and evidence is refused because of it.</param>
/// <param name="Note">What it means, or what to state.</param>
internal sealed record PolicyRule(string Name, string? Value, string Note)
{
    /// <summary>The mapping that the field stands in, such as <c>tcb</c>; null: the section itself.</summary>
    internal string? Group => Name.Contains('.', StringComparison.Ordinal) ? Name[..Name.IndexOf('.', StringComparison.Ordinal)] : PcrIndex is null ? null : "pcrs";

    /// <summary>The field's name in YAML.</summary>
    internal string Field => PcrIndex ?? Name[(Name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    // Rules of Nitro's registers are called pcr0, their fields 0.
    private string? PcrIndex => Name.StartsWith("pcr", StringComparison.Ordinal) && int.TryParse(Name.AsSpan(3), out _) ? Name[3..] : null;
}
