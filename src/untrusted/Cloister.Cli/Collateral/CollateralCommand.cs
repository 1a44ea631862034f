using System.CommandLine;
using Cloister.AdminApi;
using Cloister.Cli.Administration;
using Cloister.Cli.Output;

namespace Cloister.Cli.Collateral;

/// <summary><c>cloister collateral</c>: what brokers verify evidence with: what a broker has, what a directory has, and filling a directory for a broker without internet.</summary>
internal static class CollateralCommand
{
    private const int DefaultDays = 7;

    internal static Command Create() => new("collateral", "What brokers verify evidence with, and until when it counts.") { Status(), Show(), CollateralFetchCommand.Create() };

    private static Command Status()
    {
        Option<int> days = Days();
        return BrokerVerb.Create(
            "status", "Show the collateral that a broker has: exit 2 when some of it has ended, or does within --days.", [days], async (broker, parsed, output, cancellation) =>
            {
                CollateralStatus status = await broker.CollateralAsync(cancellation);
                BrokerVerb.Print(status, AdminJson.Default.CollateralStatus, output, () => CollateralTable.Print(status));
                return CollateralTable.Ends(status, parsed.GetValue(days)) ? ExitCode.No : ExitCode.Done;
            });
    }

    private static Command Show()
    {
        Option<string> directory = CliOutput.Path("--directory", "what the broker's collateral.directory names");
        Option<int> days = Days();
        Option<string[]> roots = Roots();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("show", "Show the collateral in a directory: exit 2 when some of it does not verify or has ended, or does within --days.") { directory, days, roots, output };
        command.SetAction(parsed =>
        {
            DateTimeOffset now = DateTimeOffset.UtcNow;
            (CollateralStatus status, IReadOnlyList<CollateralFailure> failures) = CollateralListing.Read(parsed.GetValue(directory)!, CollateralRoots.Read(parsed.GetValue(roots)!), now);
            CollateralTable.Print(status, failures, parsed.GetValue(output));
            return failures.Count > 0 || CollateralTable.Ends(status, parsed.GetValue(days)) ? ExitCode.No : ExitCode.Done;
        });
        return command;
    }

    /// <summary>Roots besides the vendors'.</summary>
    internal static Option<string[]> Roots() => new("--root")
    {
        Description = "root certificate to trust besides Intel's and AMD's, DER or PEM; may be repeated", DefaultValueFactory = _ => [],
    };

    private static Option<int> Days()
    {
        Option<int> days = new("--days") { Description = "what ends so soon counts as ended", DefaultValueFactory = _ => DefaultDays };
        CliOutput.Range(days, 0, 3650);
        return days;
    }
}
