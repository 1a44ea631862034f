using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Config;

/// <summary>
/// The first document of a YAML text as JSON, with the types that Kubernetes' reader gives to plain scalars (YAML 1.1: <c>yes</c> is a truth value, <c>1_000</c>
/// a number). Aliases are resolved. Source: sigs.k8s.io/yaml.
/// </summary>
internal static class PlainValues
{
    private const int MaxDepth = 64;

    /// <summary>Reads a text; null for one without content.</summary>
    /// <exception cref="FormatException">It is neither JSON nor YAML; the message says where.</exception>
    internal static JsonNode? Read(string text)
    {
        if (text.AsSpan().TrimStart() is ['{', ..] && TryJson(text, out JsonNode? json))
        {
            return json;
        }

        try
        {
            YamlStream stream = [];
            using StringReader reader = new(text);
            stream.Load(new FirstDocument(new Parser(reader)));
            return stream.Documents is [{ RootNode: { } root }] ? Convert(root, 0) : null;
        }
        catch (YamlException e)
        {
            throw new FormatException($"line {e.Start.Line}: {e.InnerException?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // The parser answers some malformed texts with exceptions of its insides.
            throw new FormatException("not YAML: check brackets and indentation");
        }
    }

    private static bool TryJson(string text, out JsonNode? json)
    {
        try
        {
            json = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
            return true;
        }
        catch (JsonException)
        {
            json = null;
            return false;
        }
    }

    private static JsonNode? Convert(YamlNode node, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"nested more than {MaxDepth} levels deep");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                JsonObject fields = [];
                foreach ((YamlNode key, YamlNode value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                    {
                        throw new FormatException($"line {key.Start.Line}: a field's name is a text");
                    }

                    fields[name] = Convert(value, depth + 1);
                }

                return fields;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(item => Convert(item, depth + 1))]);
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new FormatException($"line {node.Start.Line}: not a value");
        }
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        string text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any) || scalar.Tag == "tag:yaml.org,2002:str")
        {
            return JsonValue.Create(text);
        }

        return text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" or "y" or "Y" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => JsonValue.Create(true),
            "false" or "False" or "FALSE" or "n" or "N" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => JsonValue.Create(false),
            _ => Number(text) ?? JsonValue.Create(text),
        };
    }

    private static JsonValue? Number(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        if (digits.Length == 0 || !(char.IsAsciiDigit(digits[0]) || digits[0] is '-' or '+' or '.'))
        {
            return null;
        }

        bool negative = digits[0] == '-';
        string magnitude = digits.TrimStart('-', '+');
        if (magnitude.Length > 2 && magnitude[0] == '0' && magnitude[1] is 'x' or 'b' or 'o')
        {
            NumberStyles style = magnitude[1] == 'x' ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowBinarySpecifier;
            return magnitude[1] != 'o' && long.TryParse(magnitude.AsSpan(2), style, CultureInfo.InvariantCulture, out long other)
                ? JsonValue.Create(negative ? -other : other)
                : null;
        }

        if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
        {
            return JsonValue.Create(whole);
        }

        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real) ? JsonValue.Create(real) : null;
    }

    /// <summary>Ends a stream behind its first document: what follows is not read.</summary>
    private sealed class FirstDocument(Parser parser) : IParser
    {
        private bool _ended;

        public ParsingEvent? Current { get; private set; }

        public bool MoveNext()
        {
            if (_ended)
            {
                Current = new StreamEnd();
                return true;
            }

            bool more = parser.MoveNext();
            Current = parser.Current;
            _ended = Current is DocumentEnd;
            return more;
        }
    }
}
