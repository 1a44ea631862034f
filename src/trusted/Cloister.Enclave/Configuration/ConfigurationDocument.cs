using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cloister.Enclave.Configuration;

/// <summary>
/// One YAML document with a mapping at its root, and the errors found in it so far. Bounded: 64 KiB, 16 levels, no aliases, no tags,
/// one document. secrets: none; a configuration holds no secrets.
/// </summary>
public sealed class ConfigurationDocument
{
    private const int MaxSize = 64 * 1024;
    private const int MaxDepth = 16;

    private readonly List<ConfigurationError> _errors = [];

    private ConfigurationDocument(YamlMappingNode root)
    {
        Root = new ConfigurationMapping(this, "", root);
    }

    /// <summary>The root.</summary>
    public ConfigurationMapping Root { get; }

    /// <summary>Reads a document.</summary>
    /// <exception cref="ConfigurationException">It is not well-formed YAML, or out of bounds.</exception>
    public static ConfigurationDocument Parse(string text)
    {
        if (text.Length > MaxSize)
        {
            throw Single(1, 1, $"a configuration has at most {MaxSize} characters");
        }

        try
        {
            CheckBounds(text);
            YamlStream stream = [];
            stream.Load(new StringReader(text));
            return stream.Documents is [{ RootNode: YamlMappingNode root }]
                ? new ConfigurationDocument(root)
                : throw Single(1, 1, "a configuration is one YAML document with a mapping at its root");
        }
        catch (YamlException e)
        {
            throw Single(e.Start.Line, e.Start.Column, $"not YAML: {e.Message}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException)
        {
            // The parser answers some malformed texts with exceptions of its insides.
            throw Single(1, 1, "not YAML: check brackets and indentation");
        }
    }

    /// <summary>Adds an error at a place.</summary>
    public void Fail(YamlNode at, string message) => _errors.Add(new ConfigurationError(at.Start.Line, at.Start.Column, message));

    /// <summary>Throws if there was any error.</summary>
    /// <exception cref="ConfigurationException">All of them, in the order of the file.</exception>
    public void ThrowIfFailed()
    {
        if (_errors.Count > 0)
        {
            throw new ConfigurationException([.. _errors.OrderBy(error => error.Line).ThenBy(error => error.Column)]);
        }
    }

    private static ConfigurationException Single(long line, long column, string message) =>
        new([new ConfigurationError(line, column, message)]);

    // Before the recursive reader sees the document.
    private static void CheckBounds(string text)
    {
        Parser parser = new(new StringReader(text));
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
                _ when depth > MaxDepth => $"more than {MaxDepth} levels",
                _ when documents > 1 => "more than one document",
                _ => null,
            };
            if (problem is not null)
            {
                throw Single(current.Start.Line, current.Start.Column, problem);
            }
        }
    }
}
