using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.AdminApi;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>What a scan says of one KEK.</summary>
internal sealed record KekFinding(long Values, long History, string Where, IReadOnlyList<string> Keys);

/// <summary>
/// A scan in its JSON form, made here or read from a file of <c>etcd coverage</c>: whoever decides on it decides on the same fields either way.
/// </summary>
internal sealed class KekScanView
{
    private readonly Dictionary<string, KekFinding> _findings;
    private readonly string _text;

    private KekScanView(JsonNode scan)
    {
        _text = scan.ToJsonString();
        ClusterId = (string)scan["clusterId"]!;
        Prefix = (string)scan["prefix"]!;
        Revision = (long)scan["revision"]!;
        Keys = (long)scan["keys"]!;
        InnerChecked = (bool)scan["innerChecked"]!;
        Time = DateTimeOffset.Parse((string)scan["time"]!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
        _findings = scan["keks"]!.AsArray().ToDictionary(kek => (string)kek!["keyId"]!, kek => new KekFinding(
            (long)kek!["values"]!, (long)kek["history"]!,
            string.Join("; ", kek["places"]!.AsArray().Select(Place)),
            [.. kek["keys"]!.AsArray().Select(key => (string)key!)]));
    }

    internal string ClusterId { get; }

    internal string Prefix { get; }

    internal long Revision { get; }

    internal long Keys { get; }

    /// <summary>Whether an enclave looked inside values for a second envelope.</summary>
    internal bool InnerChecked { get; }

    internal DateTimeOffset Time { get; }

    /// <summary>KEKs that were found.</summary>
    internal IReadOnlyCollection<string> KeyIds => _findings.Keys;

    /// <summary>What the broker's audit log keeps of it.</summary>
    internal KekScanRecord Record => new(ClusterId, Prefix, Revision, Keys, Time, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_text))));

    internal static KekScanView Of(KekScanReport report) => new(report.ToJson());

    /// <summary>The scan in the output of <c>etcd coverage -o json</c>.</summary>
    /// <exception cref="CliException">It cannot be read, or is something else.</exception>
    internal static KekScanView Read(string file)
    {
        try
        {
            return new KekScanView(JsonNode.Parse(File.ReadAllText(file))!["scan"]!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"--coverage: {file} cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or NullReferenceException or FormatException or ArgumentException)
        {
            throw new CliException($"--coverage: {file} is not what 'cloister etcd coverage -o json' prints, with its member 'scan'");
        }
    }

    /// <summary>What it says of a KEK; null when nothing names it.</summary>
    internal KekFinding? Find(string keyId) => _findings.GetValueOrDefault(keyId);

    private static string Place(JsonNode? place)
    {
        string provider = (string?)place!["provider"] is { } name ? $" of provider {name}" : "";
        string inner = (bool)place["inner"]! ? ", inside another envelope" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{(long)place["values"]!} under {(string)place["under"]!} stored as {(string)place["kind"]!}{provider}{inner}");
    }
}
