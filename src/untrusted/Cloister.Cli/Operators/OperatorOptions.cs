using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;

namespace Cloister.Cli.Operators;

/// <summary>How a command names the operator's key, and the command that makes one.</summary>
internal static class OperatorOptions
{
    internal static Option<string?> Key() => new("--operator-key")
    {
        Description = $"custody manual: your private key, PEM, which the enclave's configuration pins; default: {OperatorKey.FileName} beside the admin socket, as 'cloister dev' leaves it",
    };

    internal static Option<string?> Cluster() => new("--cluster") { Description = "sign only for an enclave of this cluster" };

    /// <summary><c>cloister kek operator-key</c>.</summary>
    internal static Command MakeKey()
    {
        Option<string> file = CliOutput.Path("--out", "new file for the private key, which only you can read");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("operator-key", "Make an operator's key for enclaves of custody manual, and print its pin for custody.manual.operators.") { file, output };
        command.SetAction(parsed =>
        {
            using OperatorKey made = OperatorKey.Make(parsed.GetValue(file)!);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["pin"] = made.Pin, ["key"] = parsed.GetValue(file) });
            }
            else
            {
                Console.Out.WriteLine(made.Pin);
            }

            return ExitCode.Done;
        });
        return command;
    }
}
