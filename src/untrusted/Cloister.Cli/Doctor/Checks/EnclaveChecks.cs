using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>What an enclave says about itself on its admin socket.</summary>
internal static class EnclaveChecks
{
    private const string Document = "docs/operations.md";

    internal static IReadOnlyList<Check> All { get; } =
    [
        Of("enclave-kek", "there is a KEK for writes", Kek),
        Of("enclave-operators", "only operators' keys change KEKs", Operators),
        Of("enclave-memory", "keys are locked in memory", Memory),
        Of("enclave-failures", "calls do not fail", Failures),
    ];

    private static Check Of(string id, string title, Func<string, EnclaveState, IEnumerable<Finding>> run) => Check.Each(
        id, DoctorPhase.Node, title, Document, scope => scope.EnclavesAsync(), (_, enclave) => enclave.State is { } state ? run(enclave.Socket, state) : []);

    private static IEnumerable<Finding> Kek(string socket, EnclaveState state) =>
    [
        state.ActiveKeyId.Length > 0
            ? Finding.Ok(socket, state.Custody == "manual" ? $"{state.Keks.Count} versions, {state.ActiveKeyId} for writes" : $"{state.ActiveKeyId} for writes")
            : state.Custody == "manual"
                ? Finding.Error(socket, $"none for writes: {state.Health}", "give it the KEK, as after every start without a sealed copy", "cloister kek import --admin-socket ADMIN --name NAME --operator-key KEY < KEK")
                : Finding.Error(socket, $"none for writes: {state.Health}", "the text says which broker or KMS does not give one: see to it there", "cloister kek list --admin-socket ADMIN"),
    ];

    private static IEnumerable<Finding> Operators(string socket, EnclaveState state) => state.Custody != "manual" ? [] :
    [
        state.Operators switch
        {
            [] => Finding.Warn(socket, "nobody may change KEKs", "an operator's key, and its pin into custody.manual.operators of the enclave's configuration", "cloister kek operator-key --out FILE"),
            ["any"] => Finding.Warn(socket, "ANY: whoever reaches the admin socket decides which KEK is used", "for development only: pin operators' keys in custody.manual.operators", "cloister kek operator-key --out FILE"),
            _ => Finding.Ok(socket, $"{state.Operators.Count} pinned"),
        },
    ];

    private static IEnumerable<Finding> Memory(string socket, EnclaveState state) =>
    [
        Finding.WarnUnless(
            !state.MemoryProtection.Contains("KEYS NOT LOCKED", StringComparison.Ordinal), socket, state.MemoryProtection,
            "LimitMEMLOCK=infinity in the unit (deploy/systemd/cloister-enclave.service), or ulimit -l unlimited"),
    ];

    // Since its start: one that failed during a roll-out is no fault, a quarter of all is.
    private static IEnumerable<Finding> Failures(string socket, EnclaveState state)
    {
        ulong Count(string name) => state.Counters.FirstOrDefault(counter => counter.Name == name)?.Value ?? 0;
        (ulong done, ulong failed) = (Count("encryptions") + Count("decryptions"), Count("failures"));
        yield return Finding.WarnUnless(
            failed <= 10 || failed <= done / 4, socket, $"{failed} failed, {done} done since its start", "its log names method and code: INVALID_ARGUMENT on Decrypt is a value of another cluster, provider or KEK, or one that was changed",
            "journalctl -u cloister-enclave");
    }
}
