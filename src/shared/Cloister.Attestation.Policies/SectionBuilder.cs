using System.Globalization;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Collects the rules of one section. Every field is either <c>any</c> (waived), or what its rule reads.</summary>
internal sealed class SectionBuilder(Tee tee, PolicyErrors errors)
{
    private const string Any = "any";
    private const string Expected = "expected";

    private readonly List<AppraisalRule> _rules = [];
    private readonly List<string> _waived = [];

    public PolicyErrors Errors => errors;

    public PolicySection Build() => new(tee, _rules, _waived);

    /// <summary>Takes the field; when it says <c>any</c>, waives <paramref name="rule"/>; otherwise gives its node to <paramref name="read"/>, whose rule is added.</summary>
    public void Rule(MappingReader reader, string field, string rule, Func<YamlNode, string, AppraisalRule?> read)
    {
        if (reader.Take(field) is not { } node)
        {
            return;
        }

        if (IsWord(node, Any))
        {
            _waived.Add(rule);
        }
        else if (read(node, reader.PathOf(field)) is { } stated)
        {
            _rules.Add(stated);
        }
    }

    /// <summary>Waives or reads a rule that is a mapping.</summary>
    public void MappingRule(MappingReader reader, string field, string rule, Func<MappingReader, AppraisalRule?> read) =>
        Rule(reader, field, rule, (node, path) =>
        {
            if (node is not YamlMappingNode mapping)
            {
                errors.Add(node, path, "expected fields, or any");
                return null;
            }

            MappingReader inner = new(mapping, path, errors);
            AppraisalRule? stated = read(inner);
            inner.Finish();
            return stated;
        });

    /// <summary><c>debug: refuse</c>.</summary>
    public void Debug(MappingReader reader) => Word(reader, "debug", "refuse", () => new DebugRule());

    /// <summary>A rule that is stated by one word.</summary>
    public void Word(MappingReader reader, string field, string word, Func<AppraisalRule> rule) => Rule(reader, field, field, (node, path) =>
    {
        if (IsWord(node, word))
        {
            return rule();
        }

        errors.Add(node, path, $"expected {word}, or any");
        return null;
    });

    /// <summary>Reference values: one or a list of hex strings of <paramref name="lengths"/> bytes; <c>expected</c> where <paramref name="mayBeExpected"/>.</summary>
    public void ReferenceValues(MappingReader reader, string field, string rule, string claim, bool mayBeExpected, params int[] lengths) =>
        Rule(reader, field, rule, (node, path) =>
        {
            if (mayBeExpected && IsWord(node, Expected))
            {
                return new ExpectedValueRule(rule, claim);
            }

            List<ReadOnlyMemory<byte>> values = [.. Items(node, path).Select(item => Hex(item, path, lengths)).OfType<byte[]>().Select(b => (ReadOnlyMemory<byte>)b)];
            return values.Count > 0 ? new ReferenceValueRule(rule, claim, values) : null;
        });

    /// <summary>A list of platforms, each one of <c>ppid</c>, <c>platformInstanceId</c>, <c>chipId</c>.</summary>
    public void Platforms(MappingReader section, params (string Field, string Claim, int Length)[] identities)
    {
        if (section.Mapping("platforms") is not { } platforms)
        {
            return;
        }

        Rule(platforms, "allow", "platforms.allow", (node, path) => new PlatformAllowRule(ReadPlatforms(node, path, identities, mayBeEmpty: false)));
        if (platforms.Take("block") is { } block)
        {
            _rules.Add(new PlatformBlockRule(ReadPlatforms(block, platforms.PathOf("block"), identities, mayBeEmpty: true)));
        }

        platforms.Finish();
    }

    /// <summary>The elements of a sequence, or a scalar alone; an empty sequence is an error.</summary>
    public IEnumerable<YamlNode> Items(YamlNode node, string path)
    {
        if (node is YamlScalarNode)
        {
            return [node];
        }

        if (node is YamlSequenceNode { Children.Count: > 0 } sequence)
        {
            return sequence.Children;
        }

        errors.Add(node, path, "expected a list that is not empty, or any");
        return [];
    }

    /// <summary>Texts out of <paramref name="known"/> (all texts when it is empty), without regard to case.</summary>
    public List<string> Words(YamlNode node, string path, params string[] known)
    {
        List<string> words = [];
        foreach (YamlNode item in Items(node, path))
        {
            string text = (item as YamlScalarNode)?.Value ?? "";
            string? match = known.Length == 0 && text.Length > 0 ? text : Array.Find(known, k => string.Equals(k, text, StringComparison.OrdinalIgnoreCase));
            if (match is null)
            {
                errors.Add(item, path, known.Length == 0 ? "expected a text" : $"'{text}' is none of {string.Join(", ", known)}");
            }
            else
            {
                words.Add(match);
            }
        }

        return words;
    }

    /// <summary>An integer between 0 and <paramref name="maximum"/>, or null with an error.</summary>
    public ulong? Number(YamlNode node, string path, ulong maximum)
    {
        if (MappingReader.TryNumber(node, out ulong value) && value <= maximum)
        {
            return value;
        }

        errors.Add(node, path, $"expected an integer between 0 and {maximum}, or any");
        return null;
    }

    /// <summary>A date or a moment in UTC, or null with an error.</summary>
    public DateTimeOffset? Date(YamlNode node, string path)
    {
        if (DateTimeOffset.TryParseExact(
            (node as YamlScalarNode)?.Value, ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss'Z'"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date))
        {
            return date;
        }

        errors.Add(node, path, "expected a date such as 2024-03-13, or any");
        return null;
    }

    /// <summary>Bytes in hex, or null with an error.</summary>
    public byte[]? Hex(YamlNode node, string path, params int[] lengths)
    {
        string text = (node as YamlScalarNode)?.Value ?? "";
        if (text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit) && text.Length > 0 && (lengths.Length == 0 || lengths.Contains(text.Length / 2)))
        {
            return Convert.FromHexString(text);
        }

        errors.Add(node, path, lengths.Length == 0 ? "expected hex digits" : $"expected {string.Join(" or ", lengths.Select(l => 2 * l))} hex digits");
        return null;
    }

    private static bool IsWord(YamlNode node, string word) => node is YamlScalarNode scalar && string.Equals(scalar.Value, word, StringComparison.Ordinal);

    private PlatformIdentities ReadPlatforms(YamlNode node, string path, (string Field, string Claim, int Length)[] identities, bool mayBeEmpty)
    {
        List<KeyValuePair<string, ReadOnlyMemory<byte>>> platforms = [];
        foreach (YamlNode item in node is YamlSequenceNode { Children.Count: 0 } && mayBeEmpty ? [] : Items(node, path))
        {
            if (item is not YamlMappingNode mapping || mapping.Children.Count != 1)
            {
                errors.Add(item, path, $"expected one of {string.Join(", ", identities.Select(i => i.Field))}");
                continue;
            }

            MappingReader reader = new(mapping, path, errors);
            foreach ((string field, string claim, int length) in identities)
            {
                if (reader.Take(field) is { } value && Hex(value, reader.PathOf(field), length) is { } bytes)
                {
                    platforms.Add(KeyValuePair.Create<string, ReadOnlyMemory<byte>>(claim, bytes));
                }
            }

            reader.Finish();
        }

        return new PlatformIdentities(platforms);
    }
}
