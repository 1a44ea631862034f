using System.Text.Json.Nodes;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.KeyStores;

namespace Cloister.Broker.Administration;

/// <summary>
/// Runs acts: the role first, then the act, and in the audit log whatever came of it. An act that changes the broker's state writes its entry with the
/// change, in one transaction. Thread-safe. secrets: none may be in the details.
/// </summary>
internal sealed class AuditedActs(IBrokerState state)
{
    /// <summary>The entry of an act that is done. What is added to the details is of this entry alone, so a write that is tried again may ask again.</summary>
    internal delegate AuditEvent Done(Action<JsonObject>? add = null);

    /// <summary>Runs an act that changes nothing of the broker's state.</summary>
    /// <param name="by">Who.</param>
    /// <param name="role">The role it takes.</param>
    /// <param name="act">Its name in the log.</param>
    /// <param name="details">For the log. The act may add to it.</param>
    /// <param name="run">The act.</param>
    /// <exception cref="AdministrationException">Whatever went wrong.</exception>
    internal Task<T> RunAsync<T>(Administrator by, AdministratorRole role, string act, JsonObject details, Func<Task<T>> run) =>
        RunAsync(by, role, act, details, async (Done done) =>
        {
            T result = await run();

            // What was done is logged even when the caller has gone away in the meantime.
            await state.AppendAsync(done(), CancellationToken.None);
            return result;
        });

    /// <summary>Runs an act that writes its own entry: what it is given, with the change.</summary>
    internal async Task<T> RunAsync<T>(Administrator by, AdministratorRole role, string act, JsonObject details, Func<Done, Task<T>> run)
    {
        Name(details, by);
        if (by.RequestedBy.Length > 0)
        {
            details["requestedBy"] = by.RequestedBy;
        }

        try
        {
            Require(by, role);
            return await run(Entry);
        }
        catch (AdministrationException)
        {
            await LogAsync(act, details, "refused");
            throw;
        }
        catch (Exception e) when (e is BrokerStateException or KeyStoreException)
        {
            await LogAsync(act, details, "failed");
            throw new AdministrationException(e.Message, FailureOf(e));
        }

        AuditEvent Entry(Action<JsonObject>? add)
        {
            JsonObject entry = details.DeepClone().AsObject();
            add?.Invoke(entry);
            entry["result"] = "done";
            return new AuditEvent(act, entry) { Approval = by.Approval };
        }
    }

    /// <summary>Looks whether an act would be refused now, and does nothing else. Only a refusal is in the log.</summary>
    /// <param name="by">Who.</param>
    /// <param name="role">The role it takes.</param>
    /// <param name="act">Its name in the log.</param>
    /// <param name="details">For the log. The check may add to it.</param>
    /// <param name="check">What is to hold.</param>
    /// <exception cref="AdministrationException">It would be refused.</exception>
    internal async Task<T> CheckAsync<T>(Administrator by, AdministratorRole role, string act, JsonObject details, Func<Task<T>> check)
    {
        try
        {
            Require(by, role);
            return await check();
        }
        catch (Exception e) when (e is AdministrationException or BrokerStateException)
        {
            Name(details, by);
            await LogAsync(act, details, "refused");
            throw;
        }
    }

    /// <summary>Writes to the log what changed nothing, such as a refusal.</summary>
    internal async Task LogAsync(string act, JsonObject details, string result)
    {
        details["result"] = result;
        await state.AppendAsync(new AuditEvent(act, details), CancellationToken.None);
    }

    private static void Name(JsonObject details, Administrator by)
    {
        details["by"] = by.Name;
        if (by.SignedOn is { } person)
        {
            (details["issuer"], details["subject"]) = (person.Issuer, person.Subject);
        }
    }

    /// <exception cref="AdministrationException">The administrator lacks the role.</exception>
    internal static void Require(Administrator by, AdministratorRole role)
    {
        if (!by.Roles.HasFlag(role))
        {
            throw new AdministrationException($"{by.Name} is not allowed to do that: it takes the role {role}", AdministrationFailure.RoleRequired);
        }
    }

    /// <summary>What a failure below is to the caller.</summary>
    internal static AdministrationFailure FailureOf(Exception exception) => exception switch
    {
        BrokerStateException { Error: BrokerStateError.NotFound } or KeyStoreException { Failure: KeyStoreFailure.Unknown } => AdministrationFailure.NotFound,
        BrokerStateException { Error: BrokerStateError.Unavailable } or KeyStoreException { Failure: KeyStoreFailure.Unavailable } => AdministrationFailure.Unavailable,
        _ => AdministrationFailure.Refused,
    };
}
