using Cloister.Cli.Output;
using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Upgrade;

/// <summary>
/// The policy that accepts what either of two policies accepts, while nodes change from one measurement to the other: lists of reference values are put together, and everything else has to be
/// equal. It also accepts a value of one list beside a value of the other's: it is for the time of the change.
/// </summary>
internal static class PolicyUnion
{
    private const int MaxLength = 1 << 20;

    /// <summary>Puts two policies together.</summary>
    /// <exception cref="CliException">Exit 2: they differ in more than lists; the message names every place.</exception>
    internal static string Of(string old, string next)
    {
        List<string> errors = [];
        YamlNode union = Merge(Load(old, "the old policy"), Load(next, "the new policy"), "", errors);
        if (errors.Count > 0)
        {
            throw new CliException($"the policies cannot stand side by side:\n{string.Join('\n', errors.Select(error => $"  {error}"))}", ExitCode.No);
        }

        return YamlText.Of(union);
    }

    private static YamlMappingNode Load(string text, string what)
    {
        try
        {
            return PlainYaml.Load(text, MaxLength);
        }
        catch (PlainYamlException e)
        {
            throw new CliException($"{what}: line {e.Line}: {e.Message}");
        }
    }

    private static YamlNode Merge(YamlNode old, YamlNode next, string at, List<string> errors)
    {
        switch (old, next)
        {
            case (YamlMappingNode left, YamlMappingNode right):
                YamlMappingNode both = new() { Style = left.Style };
                foreach ((YamlNode key, YamlNode value) in left.Children)
                {
                    string name = at.Length == 0 ? $"{key}" : $"{at}.{key}";
                    if (right.Children.TryGetValue(key, out YamlNode? other))
                    {
                        both.Add(key, Merge(value, other, name, errors));
                    }
                    else
                    {
                        errors.Add($"{name}: only the old policy has it; a rule that is not there refuses");
                    }
                }

                errors.AddRange(right.Children.Keys.Where(key => !left.Children.ContainsKey(key)).Select(key => $"{(at.Length == 0 ? "" : $"{at}.")}{key}: only the new policy has it; a rule that is not there refuses"));
                return both;

            // Reference values; what is in both is there once.
            case (YamlSequenceNode left, YamlSequenceNode right):
                return new YamlSequenceNode(left.Children.Concat(right.Children.Where(item => !left.Children.Contains(item)))) { Style = left.Style };

            case (YamlScalarNode left, YamlScalarNode right) when left.Value == right.Value:
                return left;

            default:
                errors.Add($"{at}: {old} and {next}: state one value that both enclaves meet");
                return old;
        }
    }
}
