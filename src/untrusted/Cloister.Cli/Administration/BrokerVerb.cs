using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary>A verb that asks a broker.</summary>
internal static class BrokerVerb
{
    /// <summary>A verb.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="options">Its options, besides those of every broker verb.</param>
    /// <param name="run">Does it, and returns the exit code.</param>
    internal static Command Create(
        string name, string description, IEnumerable<Option> options, Func<AdministrationClient, ParseResult, OutputFormat, CancellationToken, Task<int>> run)
    {
        BrokerOptions broker = new();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new(name, description);
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }

        broker.AddTo(command);
        command.Options.Add(output);
        command.SetAction(async (parsed, cancellation) =>
        {
            using BrokerSession session = broker.Open(parsed);
            try
            {
                return await run(session.Client, parsed, parsed.GetValue(output), cancellation);
            }
            catch (ApprovalNeededException e)
            {
                return PrintWaiting(e.Request, parsed.GetValue(output));
            }
            finally
            {
                if (session.Client.KeyExpires is { } end)
                {
                    Console.Error.WriteLine($"cloister: YOUR KEY ENDS AT {end}: make a new one with 'cloister admin keygen', and have its pin put into the broker's configuration");
                }
            }
        });
        return command;
    }

    /// <summary>Prints a message as JSON or as a table.</summary>
    internal static int Print<T>(T message, JsonTypeInfo<T> type, OutputFormat output, Action table)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(JsonSerializer.SerializeToNode(message, type)!);
        }
        else
        {
            table();
        }

        return ExitCode.Done;
    }

    /// <summary>Says that an act waits. It was not done, so the answer is not yes.</summary>
    internal static int PrintWaiting(PendingRequest request, OutputFormat output)
    {
        Print(request, AdminJson.Default.PendingRequest, output, () => PrintRequests([request]));
        Console.Error.WriteLine($"cloister: it waits for a second administrator, who repeats this command with --approve {request.Id} before {Moment(request.ExpiresAt)}");
        return ExitCode.No;
    }

    internal static void PrintRequests(IEnumerable<PendingRequest> requests) => CliOutput.Table(
        ["request", "act", "parameters", "by", "until"],
        requests.Select(request => (IReadOnlyList<string>)[request.Id, request.Act, request.Parameters, request.By, Moment(request.ExpiresAt)]));

    internal static string Moment(DateTimeOffset? at) =>
        at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) ?? "";
}
