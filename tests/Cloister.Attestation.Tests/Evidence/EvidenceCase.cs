using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cloister.Attestation.Tests.Evidence;

/// <summary>One directory of real evidence with its manifest.</summary>
internal sealed class EvidenceCase
{
    private EvidenceCase(string directory)
    {
        Directory = directory;
        Manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "manifest.json"))).RootElement;
    }

    public string Directory { get; }

    public JsonElement Manifest { get; }

    public string Name => Path.GetFileName(Directory);

    public IEnumerable<JsonElement> Verdicts => Manifest.GetProperty("verdicts").EnumerateArray();

    public IEnumerable<JsonElement> Mutations => Manifest.GetProperty("mutations").EnumerateArray();

    /// <summary>The reference time: the first verdict's.</summary>
    public VerificationTime ReferenceTime => At(Verdicts.First());

    /// <summary>The case called <paramref name="name"/> of <paramref name="tee"/>.</summary>
    public static EvidenceCase Load(string tee, string name) => new(Path.Combine(EvidenceDirectory.Require(), tee, name));

    /// <summary>Names of all cases, for theories. Without evidence one row says so, and <see cref="Load"/> skips.</summary>
    public static TheoryData<string> Names(string tee)
    {
        TheoryData<string> names = [];
        foreach (string directory in EvidenceDirectory.Cases(tee))
        {
            names.Add(Path.GetFileName(directory));
        }

        if (names.Count == 0)
        {
            names.Add("no evidence directory");
        }

        return names;
    }

    public static VerificationTime At(JsonElement verdict) =>
        VerificationTime.At(DateTimeOffset.Parse(verdict.GetProperty("at").GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));

    /// <summary>All files by name, but for the manifest.</summary>
    public Dictionary<string, byte[]> Files() =>
        System.IO.Directory.EnumerateFiles(Directory).Where(f => Path.GetFileName(f) != "manifest.json").ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);

    /// <summary>Applies a mutation that edits one file in place; false for operations that swap files (<c>use</c>).</summary>
    public static bool TryMutate(Dictionary<string, byte[]> files, JsonElement mutation)
    {
        string file = mutation.GetProperty("file").GetString()!;
        if (mutation.GetProperty("op").GetString() == "use")
        {
            return false;
        }

        byte[] data = (byte[])files[file].Clone();
        switch (mutation.GetProperty("op").GetString())
        {
            case "xor":
                data[mutation.GetProperty("offset").GetInt32()] ^= mutation.GetProperty("value").GetByte();
                break;
            case "set":
                Convert.FromHexString(mutation.GetProperty("hex").GetString()!).CopyTo(data, mutation.GetProperty("offset").GetInt32());
                break;
            case "truncate":
                data = data[..mutation.GetProperty("length").GetInt32()];
                break;
            case "append":
                data = [.. data, .. Convert.FromHexString(mutation.GetProperty("hex").GetString()!)];
                break;
            case "replace_text":
                string text = Encoding.Latin1.GetString(data);
                string find = mutation.GetProperty("find").GetString()!;
                int at = text.IndexOf(find, StringComparison.Ordinal);
                Assert.True(at >= 0, "The mutation's text does not occur.");
                data = Encoding.Latin1.GetBytes(text[..at] + mutation.GetProperty("replace").GetString() + text[(at + find.Length)..]);
                break;
            default:
                Assert.Fail($"Unknown mutation {mutation}");
                break;
        }

        files[file] = data;
        return true;
    }
}
