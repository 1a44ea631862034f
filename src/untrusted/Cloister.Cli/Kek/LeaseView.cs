using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Kek;

/// <summary>Shows the lease of an enclave: which broker, until when, what is left, what went wrong last.</summary>
internal static class LeaseView
{
    internal static IEnumerable<IReadOnlyList<string>> Rows(LeaseState state)
    {
        yield return ["broker", state.Broker];
        yield return ["KEK of the broker", state.Kek];
        if (state.Lease.Length == 0)
        {
            yield return ["lease", "none"];
        }
        else
        {
            yield return ["lease", state.Restored ? $"{state.Lease} (from the sealed copy)" : state.Lease];
            yield return ["writes until", Time(state.Expires)];
            yield return ["reads until", Time(state.GraceEnd)];
            yield return ["renewed from", Time(state.RenewAfter)];
            yield return ["wraps left", state.WrapsLeft.ToString(CultureInfo.InvariantCulture)];
            yield return ["unwraps left", state.UnwrapsLeft.ToString(CultureInfo.InvariantCulture)];
        }

        yield return ["sealed copy", state.KeepsSealedCopy ? "ON: survives a revocation when the host keeps the file and sets its clock back" : "none"];
        if (state.AuditWentBack > 0)
        {
            yield return ["broker's audit log", string.Create(CultureInfo.InvariantCulture, $"WENT BACK {state.AuditWentBack} times: an old database was put back, or somebody changed it")];
        }

        if (state.Failure.Length > 0)
        {
            yield return ["last failure", state.Failure];
        }

        foreach (BrokerReach away in state.Brokers.Where(broker => broker.Failing))
        {
            yield return ["broker away", $"{away.Broker} {away.Failure}"];
        }
    }

    internal static JsonObject Json(LeaseState state) => new()
    {
        ["broker"] = state.Broker,
        ["kek"] = state.Kek,
        ["lease"] = state.Lease,
        ["now"] = state.Now,
        ["expires"] = state.Expires,
        ["graceEnd"] = state.GraceEnd,
        ["renewAfter"] = state.RenewAfter,
        ["wrapsLeft"] = state.WrapsLeft,
        ["unwrapsLeft"] = state.UnwrapsLeft,
        ["restored"] = state.Restored,
        ["failedStep"] = state.FailedStep,
        ["failure"] = state.Failure,
        ["auditSize"] = state.AuditSize,
        ["auditWentBack"] = state.AuditWentBack,
        ["brokers"] = new JsonArray([.. state.Brokers.Select(one => (JsonNode)new JsonObject
        {
            ["broker"] = one.Broker, ["answered"] = one.Answered, ["silentMilliseconds"] = one.Silent, ["failing"] = one.Failing, ["failure"] = one.Failure,
        })]),
        ["sealedCopy"] = state.KeepsSealedCopy ? "survives-revocation" : "none",
    };

    private static string Time(ulong milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
