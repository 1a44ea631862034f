using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cloister.Yaml;

/// <summary>
/// Lets plain YAML through: one document with a mapping at its root, no anchors, aliases or tags, of bounded length and depth. Bounds are
/// checked before the reader that recurses sees the text.
/// </summary>
public static class PlainYaml
{
    private const int MaxDepth = 16;

    /// <summary>The root of the document.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="maxLength">Longest text, in characters.</param>
    /// <exception cref="PlainYamlException">Not YAML, or not plain.</exception>
    public static YamlMappingNode Load(string text, int maxLength)
    {
        if (text.Length > maxLength)
        {
            throw new PlainYamlException(1, 1, $"the text is longer than {maxLength} characters");
        }

        try
        {
            CheckBounds(text);
            YamlStream stream = [];
            using StringReader reader = new(text);
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }]
                ? root
                : throw new PlainYamlException(1, 1, "the text is not one YAML document with fields");
        }
        catch (YamlException e)
        {
            throw new PlainYamlException(e.Start.Line, e.Start.Column, $"not YAML: {e.InnerException?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException)
        {
            // The parser answers some malformed texts with exceptions of its insides.
            throw new PlainYamlException(1, 1, "not YAML: check brackets and indentation");
        }
    }

    private static void CheckBounds(string text)
    {
        using StringReader reader = new(text);
        Parser parser = new(reader);
        int depth = 0;
        int documents = 0;
        while (parser.MoveNext())
        {
            ParsingEvent current = parser.Current!;
            depth += current.NestingIncrease;
            documents += current is DocumentStart ? 1 : 0;
            string? problem = current switch
            {
                AnchorAlias => "aliases are not accepted",
                NodeEvent { Anchor.IsEmpty: false } => "anchors are not accepted",
                NodeEvent { Tag.IsEmpty: false } => "tags are not accepted",
                _ when depth > MaxDepth => $"nested more than {MaxDepth} levels deep",
                _ when documents > 1 => "more than one document",
                _ => null,
            };
            if (problem is not null)
            {
                throw new PlainYamlException(current.Start.Line, current.Start.Column, problem);
            }
        }
    }
}
