using System.Text.Json.Nodes;

namespace Cloister.Cli.Doctor;

/// <summary>One thing that was looked at.</summary>
/// <param name="Level">How bad it is.</param>
/// <param name="Check">What was looked at.</param>
/// <param name="Target">Where: a socket, a file.</param>
/// <param name="Detail">What was seen.</param>
/// <param name="Fix">What to do; empty when nothing is.</param>
internal sealed record Finding(FindingLevel Level, string Check, string Target, string Detail, string Fix)
{
    internal static Finding Ok(string check, string target, string detail) => new(FindingLevel.Ok, check, target, detail, "");

    internal static Finding Warning(string check, string target, string detail, string fix) => new(FindingLevel.Warning, check, target, detail, fix);

    internal static Finding Error(string check, string target, string detail, string fix) => new(FindingLevel.Error, check, target, detail, fix);

    internal JsonObject ToJson() => new()
    {
        ["level"] = Level.ToString().ToLowerInvariant(),
        ["check"] = Check,
        ["target"] = Target,
        ["detail"] = Detail,
        ["fix"] = Fix,
    };
}
