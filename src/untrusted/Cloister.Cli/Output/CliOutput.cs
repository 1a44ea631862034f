using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Cloister.Cli.Output;

/// <summary>Prints answers: data on standard output, messages on standard error.</summary>
internal static class CliOutput
{
    private static readonly System.Text.Json.JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        TypeInfoResolver = System.Text.Json.Serialization.Metadata.JsonTypeInfoResolver.Combine(),
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Messages on standard error.</summary>
    internal static IAnsiConsole Messages { get; } =
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>The option that every verb takes.</summary>
    internal static Option<OutputFormat> Option() => new("--output", "-o")
    {
        Description = "table or json",
        DefaultValueFactory = _ => OutputFormat.Table,
    };

    /// <summary>A path, which is not empty.</summary>
    internal static Option<string> Path(string name, string description)
    {
        Option<string> option = new(name) { Description = description, Required = true };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value.Length: 0 }])
            {
                result.AddError($"{name} is a path, not an empty text");
            }
        });
        return option;
    }

    /// <summary>Refuses numbers outside a range.</summary>
    internal static void Range(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        // What is no number at all is refused by the parser.
        if (result.Tokens is [{ } token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out int value) && (value < least || value > most))
        {
            result.AddError($"{option.Name} is a number from {least} to {most}");
        }
    });

    /// <summary>A text that came from elsewhere, such as a name in etcd: it cannot steer the terminal.</summary>
    internal static string Shown(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c));

    /// <summary>Prints one JSON document.</summary>
    internal static void Json(JsonNode document) => Console.Out.WriteLine(Text(document));

    /// <summary>A JSON document as it is printed.</summary>
    internal static string Text(JsonNode document) => document.ToJsonString(Indented);

    /// <summary>Prints a table. Cells are texts, not markup.</summary>
    internal static void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach (string header in headers)
        {
            table.AddColumn(new TableColumn(Markup.Escape(header)));
        }

        foreach (IReadOnlyList<string> row in rows)
        {
            table.AddRow(row.Select(cell => new Text(cell)));
        }

        IAnsiConsole console = AnsiConsole.Console;
        if (Console.IsOutputRedirected)
        {
            // A file or pipe has no width: do not fold.
            console.Profile.Width = 240;
        }

        console.Write(table);
    }
}
