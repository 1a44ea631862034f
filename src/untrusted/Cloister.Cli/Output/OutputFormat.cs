namespace Cloister.Cli.Output;

/// <summary>How a verb prints its answer.</summary>
internal enum OutputFormat
{
    /// <summary>Tables, for people.</summary>
    Table,

    /// <summary>One JSON document, for programs.</summary>
    Json,
}
