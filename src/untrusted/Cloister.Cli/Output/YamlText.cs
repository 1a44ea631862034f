using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Output;

/// <summary>YAML as text, as files of ours are written.</summary>
internal static class YamlText
{
    /// <summary>One document, with a line feed at its end and no marks of YAML's own around it.</summary>
    internal static string Of(YamlNode root)
    {
        using StringWriter writer = new() { NewLine = "\n" };
        new YamlStream(new YamlDocument(root)).Save(writer, assignAnchors: false);
        return writer.ToString().Replace("\n...\n", "\n", StringComparison.Ordinal);
    }
}
