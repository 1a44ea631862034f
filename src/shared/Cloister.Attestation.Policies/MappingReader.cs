using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Takes known fields of a YAML mapping; what is left at the end is an error.</summary>
internal sealed class MappingReader
{
    private readonly YamlMappingNode _node;
    private readonly PolicyErrors _errors;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public MappingReader(YamlMappingNode node, string path, PolicyErrors errors)
    {
        _node = node;
        _errors = errors;
        Path = path;
    }

    public string Path { get; }

    public string PathOf(string field) => Path.Length == 0 ? field : $"{Path}.{field}";

    /// <summary>An error about the mapping as a whole.</summary>
    public void Fail(string problem) => _errors.Add(_node, Path, problem);

    /// <summary>All keys that are scalars.</summary>
    public IEnumerable<string> Keys => _node.Children.Keys.OfType<YamlScalarNode>().Select(k => k.Value ?? "");

    /// <summary>The field's value, or null when it is not there.</summary>
    public YamlNode? Take(string field)
    {
        _known.Add(field);
        foreach ((YamlNode key, YamlNode value) in _node.Children)
        {
            if (key is YamlScalarNode scalar && string.Equals(scalar.Value, field, StringComparison.Ordinal))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>The field's text, or null when it is not there or not a text.</summary>
    public string? Text(string field)
    {
        YamlNode? node = Take(field);
        if (node is YamlScalarNode scalar)
        {
            return scalar.Value ?? "";
        }

        if (node is not null)
        {
            _errors.Add(node, PathOf(field), "expected a single value");
        }

        return null;
    }

    /// <summary>The field's fields, or null when it is not there or not a mapping.</summary>
    public MappingReader? Mapping(string field)
    {
        YamlNode? node = Take(field);
        if (node is YamlMappingNode mapping)
        {
            return new MappingReader(mapping, PathOf(field), _errors);
        }

        if (node is not null)
        {
            _errors.Add(node, PathOf(field), "expected fields");
        }

        return null;
    }

    /// <summary>The field's integer between 0 and <paramref name="maximum"/>; decimal, or hex with 0x. Null when it is not there or wrong.</summary>
    public ulong? Number(string field, ulong maximum)
    {
        if (Take(field) is not { } node)
        {
            return null;
        }

        if (TryNumber(node, out ulong value) && value <= maximum)
        {
            return value;
        }

        _errors.Add(node, PathOf(field), $"expected an integer between 0 and {maximum}");
        return null;
    }

    /// <summary>The field's version <c>major.minor[.build]</c>, or null.</summary>
    public Version? Version(string field)
    {
        if (Take(field) is not { } node)
        {
            return null;
        }

        if (node is YamlScalarNode scalar && System.Version.TryParse(scalar.Value, out Version? version))
        {
            return version;
        }

        _errors.Add(node, PathOf(field), "expected a version such as 1.55.0, in quotes");
        return null;
    }

    /// <summary>Reports fields that nobody took.</summary>
    public void Finish()
    {
        foreach (YamlNode key in _node.Children.Keys)
        {
            if (key is not YamlScalarNode scalar || !_known.Contains(scalar.Value ?? ""))
            {
                _errors.Add(key, PathOf((key as YamlScalarNode)?.Value ?? "?"), $"unknown field; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}");
            }
        }
    }

    public static bool TryNumber(YamlNode node, out ulong value)
    {
        value = 0;
        string text = (node as YamlScalarNode)?.Value ?? "";
        return text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

}
