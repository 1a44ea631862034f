using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cloister.Enclave.Configuration;

/// <summary>
/// One mapping of a configuration. Every value is asked for by name; what nobody asked for is an error. A wrong value is reported and
/// the default is returned, so that reading goes on and finds the next error. secrets: none.
/// </summary>
public sealed class ConfigurationMapping
{
    private readonly ConfigurationDocument _document;
    private readonly string _path;
    private readonly YamlMappingNode _node;
    private readonly HashSet<string> _known = [];

    internal ConfigurationMapping(ConfigurationDocument document, string path, YamlMappingNode node)
    {
        _document = document;
        _path = path;
        _node = node;
    }

    /// <summary>True when the field is there.</summary>
    public bool Has(string field) => Find(field) is not null;

    /// <summary>A text; missing is an error when <paramref name="required"/>.</summary>
    public string Text(string field, string @default = "", bool required = false)
    {
        switch (Find(field))
        {
            case YamlScalarNode { Value: { } value } scalar when value.Length > 0 || scalar.Style != ScalarStyle.Plain:
                return value;
            case null:
                if (required)
                {
                    _document.Fail(_node, $"{_path}{field} is missing");
                }

                return @default;
            case { } other:
                _document.Fail(other, $"{_path}{field} is a text");
                return @default;
        }
    }

    /// <summary>A text that <paramref name="parse"/> understands; it throws <see cref="FormatException"/> with what would be right.</summary>
    public T Parsed<T>(string field, T @default, Func<string, T> parse, bool required = false)
    {
        string text = Text(field, "", required);
        if (Find(field) is not YamlScalarNode node)
        {
            return @default;
        }

        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            _document.Fail(node, $"{_path}{field}: {e.Message}");
            return @default;
        }
    }

    /// <summary>One of several words.</summary>
    public string OneOf(string field, string @default, bool required, params string[] words) =>
        Parsed(field, @default, text => words.Contains(text) ? text : throw new FormatException($"one of {string.Join(", ", words)}"), required);

    /// <summary>A whole number within bounds.</summary>
    public int Number(string field, int @default, int least, int most) =>
        Parsed(field, @default, text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw new FormatException($"a number from {least} to {most}"));

    /// <summary>A duration: a number and <c>ms</c>, <c>s</c>, <c>m</c> or <c>h</c>, within bounds.</summary>
    public TimeSpan Duration(string field, TimeSpan @default, TimeSpan least, TimeSpan most) =>
        Parsed(field, @default, text => DurationText.TryParse(text, out TimeSpan value) && value >= least && value <= most
            ? value
            : throw new FormatException($"a duration from {DurationText.Format(least)} to {DurationText.Format(most)}, such as 500ms, 2s or 10m"));

    /// <summary>A nested mapping, or an empty one when it is missing.</summary>
    public ConfigurationMapping Mapping(string field, bool required = false)
    {
        switch (Find(field))
        {
            case YamlMappingNode mapping:
                return new ConfigurationMapping(_document, $"{_path}{field}.", mapping);
            case null:
                if (required)
                {
                    _document.Fail(_node, $"{_path}{field} is missing");
                }

                break;
            case { } other:
                _document.Fail(other, $"{_path}{field} is a mapping");
                break;
        }

        return new ConfigurationMapping(_document, $"{_path}{field}.", []);
    }

    /// <summary>A list of texts that <paramref name="parse"/> understands.</summary>
    public IReadOnlyList<T> List<T>(string field, Func<string, T> parse)
    {
        switch (Find(field))
        {
            case null:
                return [];
            case YamlSequenceNode list:
                List<T> values = [];
                foreach (YamlNode item in list)
                {
                    try
                    {
                        values.Add(item is YamlScalarNode { Value: { } text } ? parse(text) : throw new FormatException("not a text or number"));
                    }
                    catch (FormatException e)
                    {
                        _document.Fail(item, $"{_path}{field}: {e.Message}");
                    }
                }

                return values;
            case { } other:
                _document.Fail(other, $"{_path}{field} is a list");
                return [];
        }
    }

    /// <summary>A list of texts, or one word in its place.</summary>
    /// <param name="field">The field.</param>
    /// <param name="word">The word.</param>
    /// <param name="parse">Understands a text of the list.</param>
    /// <param name="isWord">True when it is the word; then the list is empty.</param>
    public IReadOnlyList<T> ListOrWord<T>(string field, string word, Func<string, T> parse, out bool isWord)
    {
        YamlNode? node = Find(field);
        isWord = node is YamlScalarNode { Value: { } value } && value == word;
        if (node is YamlScalarNode && !isWord)
        {
            _document.Fail(node, $"{_path}{field} is a list, or the word {word}");
            return [];
        }

        return isWord ? [] : List(field, parse);
    }

    /// <summary>A list of mappings.</summary>
    public IReadOnlyList<ConfigurationMapping> Mappings(string field)
    {
        switch (Find(field))
        {
            case null:
                return [];
            case YamlSequenceNode list:
                List<ConfigurationMapping> mappings = [];
                foreach (YamlNode item in list)
                {
                    if (item is YamlMappingNode mapping)
                    {
                        mappings.Add(new ConfigurationMapping(_document, $"{_path}{field}.", mapping));
                    }
                    else
                    {
                        _document.Fail(item, $"{_path}{field}: not a mapping");
                    }
                }

                return mappings;
            case { } other:
                _document.Fail(other, $"{_path}{field} is a list of mappings");
                return [];
        }
    }

    /// <summary>Reports an error at a field, or at the mapping when the field is missing.</summary>
    public void Fail(string field, string message) => _document.Fail(Find(field) ?? _node, $"{_path}{field}: {message}");

    /// <summary>Reports the fields that nobody asked for.</summary>
    public void RefuseUnknown()
    {
        foreach (YamlNode key in _node.Children.Keys)
        {
            if (key is not YamlScalarNode { Value: { } name } || !_known.Contains(name))
            {
                string known = string.Join(", ", _known.Order(StringComparer.Ordinal));
                _document.Fail(key, $"{_path}{(key as YamlScalarNode)?.Value} is unknown; known here: {known}");
            }
        }
    }

    private YamlNode? Find(string field)
    {
        _known.Add(field);
        return _node.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? node) ? node : null;
    }
}
