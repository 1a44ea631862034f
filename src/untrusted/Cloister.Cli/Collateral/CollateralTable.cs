using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Cli.Administration;
using Cloister.Cli.Output;

namespace Cloister.Cli.Collateral;

/// <summary>What could not be had, or does not verify.</summary>
/// <param name="Model">What it is for.</param>
/// <param name="Early">Whether it is early collateral.</param>
/// <param name="Problem">Why.</param>
internal sealed record CollateralFailure(string Model, bool Early, string Problem);

/// <summary>Prints collateral.</summary>
internal static class CollateralTable
{
    /// <summary>Whether some of what counts has ended, or does within so many days.</summary>
    internal static bool Ends(CollateralStatus status, int days) => status.Items.Any(item => !item.Early && item.EndsAt < status.At.AddDays(days));

    /// <summary>Prints what there is.</summary>
    internal static void Print(CollateralStatus status) => CliOutput.Table(
        ["model", "item", "early", "number", "issued", "ends", "days left", "source"],
        status.Items.Select(item => (IReadOnlyList<string>)
        [
            item.Model, item.Item, item.Early ? "early" : "", item.TcbEvaluationDataNumber?.ToString(CultureInfo.InvariantCulture) ?? "",
            BrokerVerb.Moment(item.IssuedAt), BrokerVerb.Moment(item.EndsAt), Left(status.At, item.EndsAt), item.Source,
        ]));

    /// <summary>Prints what there is, and what there is not.</summary>
    internal static void Print(CollateralStatus status, IReadOnlyList<CollateralFailure> failures, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            JsonObject document = JsonSerializer.SerializeToNode(status, AdminJson.Default.CollateralStatus)!.AsObject();
            document["failures"] = new JsonArray([.. failures.Select(one => (JsonNode)new JsonObject { ["model"] = one.Model, ["early"] = one.Early, ["problem"] = one.Problem })]);
            CliOutput.Json(document);
        }
        else
        {
            Print(status);
        }

        foreach (CollateralFailure failure in failures)
        {
            Console.Error.WriteLine($"cloister: {failure.Model}{(failure.Early ? ", early" : "")}: {CliOutput.Shown(failure.Problem)}");
        }
    }

    private static string Left(DateTimeOffset now, DateTimeOffset end) =>
        end < now ? "ENDED" : Math.Floor((end - now).TotalDays).ToString(CultureInfo.InvariantCulture);
}
