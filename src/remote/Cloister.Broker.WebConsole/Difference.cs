namespace Cloister.Broker.WebConsole;

/// <summary>A line of two texts.</summary>
/// <param name="Sign"><c>+</c>: in the new one only; <c>-</c>: in the old one only; a space: in both.</param>
/// <param name="Line">The line.</param>
public sealed record DifferenceLine(char Sign, string Line);

/// <summary>What differs between two texts, line by line.</summary>
internal static class Difference
{
    // Of longer ones what is between their common ends is shown whole.
    private const int MostLines = 2000;
    private const int Context = 3;

    /// <summary>Every line of both, in order: what is removed before what is added.</summary>
    internal static IReadOnlyList<DifferenceLine> Of(string before, string after)
    {
        string[] old = before.Split('\n');
        string[] next = after.Split('\n');
        int start = 0;
        while (start < old.Length && start < next.Length && old[start] == next[start])
        {
            start++;
        }

        int end = 0;
        while (end < old.Length - start && end < next.Length - start && old[^(end + 1)] == next[^(end + 1)])
        {
            end++;
        }

        return
        [
            .. old[..start].Select(Same),
            .. Middle(old[start..^end], next[start..^end]),
            .. old[^end..].Select(Same),
        ];
    }

    /// <summary>The same without what is far from any change; null stands for lines that are left out.</summary>
    internal static IReadOnlyList<DifferenceLine?> Near(string before, string after)
    {
        IReadOnlyList<DifferenceLine> all = Of(before, after);
        List<DifferenceLine?> near = [];
        for (int i = 0; i < all.Count; i++)
        {
            bool isNear = Enumerable.Range(i - Context, 1 + (2 * Context)).Any(other => other >= 0 && other < all.Count && all[other].Sign != ' ');
            if (isNear || near.Count == 0 || near[^1] is not null)
            {
                near.Add(isNear ? all[i] : null);
            }
        }

        return near;
    }

    // The longest common subsequence.
    private static List<DifferenceLine> Middle(string[] old, string[] next)
    {
        if (old.Length > MostLines || next.Length > MostLines)
        {
            return [.. old.Select(Removed), .. next.Select(Added)];
        }

        int[,] common = new int[old.Length + 1, next.Length + 1];
        for (int i = old.Length - 1; i >= 0; i--)
        {
            for (int j = next.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == next[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        List<DifferenceLine> lines = [];
        for (int i = 0, j = 0; i < old.Length || j < next.Length;)
        {
            if (i < old.Length && j < next.Length && old[i] == next[j])
            {
                lines.Add(Same(old[i++]));
                j++;
            }
            else if (j == next.Length || (i < old.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                lines.Add(Removed(old[i++]));
            }
            else
            {
                lines.Add(Added(next[j++]));
            }
        }

        return lines;
    }

    private static DifferenceLine Same(string line) => new(' ', line);

    private static DifferenceLine Removed(string line) => new('-', line);

    private static DifferenceLine Added(string line) => new('+', line);
}
