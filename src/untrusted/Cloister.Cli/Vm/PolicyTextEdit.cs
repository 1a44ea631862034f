using System.Text;
using Cloister.Cli.Policy;
using Cloister.Yaml;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Vm;

/// <summary>Puts measured values into the text of a policy beside those that are there. Comments, order and everything else stay as they are.</summary>
internal static class PolicyTextEdit
{
    private const int MaximumLength = 1 << 20;

    /// <summary>The text with the measured values of <paramref name="policy"/>; a section that is not there is added whole.</summary>
    /// <exception cref="CliException">The text is written so that no place for a value is found in it; the value is in the message.</exception>
    internal static string Add(string text, MeasuredPolicy policy)
    {
        string sectionName = policy.Tee.ToString().ToLowerInvariant();
        YamlMappingNode spec = (YamlMappingNode)PlainYaml.Load(text, MaximumLength).Children["spec"];
        List<(int At, int Length, string Text)> edits = [];
        if (!spec.Children.TryGetValue(sectionName, out YamlNode? section))
        {
            StringBuilder whole = new();
            string indent = Indent(spec, sectionName);
            policy.AppendSection(whole, indent);
            edits.Add((LineStart(text, spec.Children.Keys.First()), 0, whole.ToString()));
        }
        else
        {
            foreach (PolicyRule rule in policy.Rules.Where(rule => LaunchValues.Computed.Contains(rule.Name)))
            {
                AddValue(text, (YamlMappingNode)section, rule, edits);
            }
        }

        StringBuilder changed = new(text);
        foreach ((int at, int length, string with) in edits.OrderByDescending(edit => edit.At))
        {
            changed.Remove(at, length).Insert(at, with);
        }

        return Checked(changed.ToString(), policy, sectionName);
    }

    private static void AddValue(string text, YamlMappingNode section, PolicyRule rule, List<(int At, int Length, string Text)> edits)
    {
        YamlMappingNode container = section;
        if (rule.Group is { } group)
        {
            container = section.Children.TryGetValue(group, out YamlNode? inner) ? (YamlMappingNode)inner : throw ByHand(rule);
        }

        string value = Quoted(rule);
        if (!container.Children.TryGetValue(rule.Field, out YamlNode? node))
        {
            string indent = Indent(container, rule.Name);
            edits.Add((LineStart(text, container.Children.Keys.First()), 0, $"{indent}{rule.Field}: [{value}]\n"));
        }
        else if (node is YamlSequenceNode list)
        {
            AddToList(text, list, rule, value, edits);
        }
        else if (((YamlScalarNode)node).Value is { } one && one != "any" && !Same(one, value))
        {
            (int from, int to) = ((int)node.Start.Index, (int)node.End.Index);
            edits.Add((from, to - from, $"[{text[from..to]}, {value}]"));
        }
    }

    private static void AddToList(string text, YamlSequenceNode list, PolicyRule rule, string value, List<(int At, int Length, string Text)> edits)
    {
        if (list.Children.OfType<YamlScalarNode>().Any(item => Same(item.Value!, value)))
        {
            return;
        }

        if (list.Style == SequenceStyle.Flow)
        {
            // A list's own end is not known, that of a scalar is.
            edits.Add(list.Children.Count == 0 ? ((int)list.Start.Index + 1, 0, value) : ((int)list.Children[^1].End.Index, 0, $", {value}"));
            return;
        }

        // A line of its own, like the last one.
        YamlNode last = list.Children[^1];
        int start = LineStart(text, last);
        string before = text[start..(int)last.Start.Index];
        if (before.Trim() != "-")
        {
            throw ByHand(rule);
        }

        int line = text.IndexOf('\n', (int)last.Start.Index);
        edits.Add(line < 0 ? (text.Length, 0, $"\n{before}{value}") : (line + 1, 0, $"{before}{value}\n"));
    }

    // The edited text is read again: what is not in it now was not added.
    private static string Checked(string text, MeasuredPolicy policy, string sectionName)
    {
        try
        {
            YamlMappingNode section = (YamlMappingNode)((YamlMappingNode)PlainYaml.Load(text, MaximumLength).Children["spec"]).Children[sectionName];
            foreach (PolicyRule rule in policy.Rules.Where(rule => LaunchValues.Computed.Contains(rule.Name)))
            {
                YamlMappingNode container = rule.Group is { } group ? (YamlMappingNode)section.Children[group] : section;
                string[] values = container.Children[rule.Field] is YamlSequenceNode list
                    ? [.. list.Children.Select(item => ((YamlScalarNode)item).Value!)]
                    : [((YamlScalarNode)container.Children[rule.Field]).Value!];
                if (!values.Any(value => value == "any" || Same(value, Quoted(rule))))
                {
                    throw ByHand(rule);
                }
            }

            return text;
        }
        catch (Exception e) when (e is PlainYamlException or InvalidCastException or KeyNotFoundException)
        {
            throw ByHand(policy.Rules.First(rule => LaunchValues.Computed.Contains(rule.Name)));
        }
    }

    // A measured rule's value is a list of one, in quotes.
    private static string Quoted(PolicyRule rule) => rule.Value == "any" ? "any" : rule.Value!.Trim('[', ']');

    private static bool Same(string value, string quoted) => string.Equals(value, quoted.Trim('"'), StringComparison.OrdinalIgnoreCase);

    private static string Indent(YamlMappingNode mapping, string what) => mapping is { Style: not MappingStyle.Flow, Children.Count: > 0 }
        ? new string(' ', (int)mapping.Children.Keys.First().Start.Column - 1)
        : throw new CliException($"the policy is written in one line, so that no place for {what} is found: write it in lines");

    private static int LineStart(string text, YamlNode node) => node.Start.Index == 0 ? 0 : text.LastIndexOf('\n', (int)node.Start.Index - 1) + 1;

    private static CliException ByHand(PolicyRule rule) => new($"no place for {rule.Name} is found in the policy: write {Quoted(rule)} beside the values of its rule by hand; nothing was changed");
}
