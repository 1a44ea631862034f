namespace Cloister.Yaml;

/// <summary>A text that is not a plain YAML document.</summary>
public sealed class PlainYamlException : Exception
{
    /// <summary>Makes the failure for a place in the text.</summary>
    /// <param name="line">Line, from 1.</param>
    /// <param name="column">Column, from 1.</param>
    /// <param name="problem">What is wrong.</param>
    public PlainYamlException(long line, long column, string problem)
        : base(problem)
    {
        Line = line;
        Column = column;
    }

    /// <summary>Line, from 1.</summary>
    public long Line { get; }

    /// <summary>Column, from 1.</summary>
    public long Column { get; }
}
