using System.Text.RegularExpressions;

namespace Cloister.Broker.WebConsole;

/// <summary>
/// What people call measurements: a comment behind a measurement in a policy in force, <c>mrenclave: "..." # 1.4.2</c>. So names are set as policies are: by an
/// operator, two where that is the rule, and authenticated with the policy.
/// </summary>
internal sealed partial class ReleaseNames
{
    private const int Longest = 60;

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    private ReleaseNames()
    {
    }

    /// <summary>Those in the texts of policies; of several for one measurement, the first.</summary>
    internal static ReleaseNames In(IEnumerable<string> policies)
    {
        ReleaseNames names = new();
        foreach (Match match in policies.SelectMany(text => Line().Matches(text)))
        {
            string name = match.Groups[2].Value.Trim();
            foreach (Match measurement in Measurement().Matches(match.Groups[1].Value))
            {
                names._names.TryAdd(measurement.Value.ToLowerInvariant(), name.Length > Longest ? name[..Longest] + "…" : name);
            }
        }

        return names;
    }

    /// <summary>The name of a measurement; null: it has none.</summary>
    internal string? Of(string measurement) => _names.GetValueOrDefault(measurement);

    // Texts may be long, and are somebody else's: no backtracking.
    [GeneratedRegex("^([^#\\n]*[0-9a-fA-F]{64}[^#\\n]*)#([^\\n]+)$", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex Line();

    [GeneratedRegex("(?<![0-9a-fA-F])[0-9a-fA-F]{64,128}(?![0-9a-fA-F])")]
    private static partial Regex Measurement();
}
