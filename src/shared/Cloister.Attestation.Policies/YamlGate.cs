using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Lets a plain YAML document through: one document, no anchors, aliases or tags, bounded size and depth.</summary>
internal static class YamlGate
{
    private const int MaximumLength = 1024 * 1024;
    private const int MaximumDepth = 16;

    /// <summary>The document's root, or null with errors.</summary>
    public static YamlMappingNode? Load(string yaml, PolicyErrors errors)
    {
        if (yaml.Length > MaximumLength)
        {
            errors.Add(Mark.Empty, "", $"the text is longer than {MaximumLength} characters");
            return null;
        }

        try
        {
            if (!IsPlain(yaml, errors))
            {
                return null;
            }

            YamlStream stream = [];
            using StringReader text = new(yaml);
            stream.Load(text);
            if (stream.Documents.Count != 1 || stream.Documents[0].RootNode is not YamlMappingNode root)
            {
                errors.Add(Mark.Empty, "", "the text is not one YAML document with fields");
                return null;
            }

            return root;
        }
        catch (YamlException e)
        {
            errors.Add(e.Start, "", e.InnerException?.Message ?? e.Message);
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException)
        {
            // The YAML reader answers some malformed texts so.
            errors.Add(Mark.Empty, "", "the text is not YAML");
            return null;
        }
    }

    private static bool IsPlain(string yaml, PolicyErrors errors)
    {
        using StringReader text = new(yaml);
        Parser parser = new(text);
        int depth = 0;
        while (parser.MoveNext())
        {
            ParsingEvent current = parser.Current!;
            depth += current.NestingIncrease;
            string? problem = current switch
            {
                AnchorAlias => "aliases are not accepted",
                NodeEvent { Anchor.IsEmpty: false } => "anchors are not accepted",
                NodeEvent { Tag.IsEmpty: false } => "tags are not accepted",
                _ => depth > MaximumDepth ? "nested too deeply" : null,
            };
            if (problem is not null)
            {
                errors.Add(current.Start, "", problem);
                return false;
            }
        }

        return true;
    }
}
