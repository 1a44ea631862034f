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
        Description = "table (default) or json",
    };

    /// <summary>A path, which is not empty.</summary>
    /// <param name="name">Of the option.</param>
    /// <param name="description">For help.</param>
    /// <param name="alias">What it was called before, and still may.</param>
    internal static Option<string> Path(string name, string description, params string[] alias)
    {
        Option<string> option = new(name, alias) { Description = description, Required = true };
        NotEmpty(option);
        return option;
    }

    /// <summary>Refuses an empty path.</summary>
    internal static void NotEmpty(Option<string> path) => path.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value.Length: 0 }])
        {
            result.AddError($"{path.Name} is a path, not an empty text");
        }
    });

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

    /// <summary>Prints a table.</summary>
    internal static void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        IReadOnlyList<IReadOnlyList<string>> all = [.. rows];
        Console.Out.Write(TextTable.Render(headers, all, TableTarget.Current));
    }
}
