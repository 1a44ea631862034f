using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway;

/// <summary>Why a message of an API server or of etcd does not pass. secrets: none.</summary>
public enum EtcdFault
{
    /// <summary>A request for keys that the gateway does not serve.</summary>
    KeyNotServed,

    /// <summary>An answer before any request, or to a watch that was not asked for.</summary>
    NotAsked,

    /// <summary>A pair whose key was not asked for.</summary>
    KeyNotAsked,

    /// <summary>Keys that are not in the order asked for, or one of them twice.</summary>
    Order,

    /// <summary>More pairs than the request's limit.</summary>
    Limit,

    /// <summary>A pair outside the revisions asked for.</summary>
    Revision,

    /// <summary>A value where only keys or a count were asked for.</summary>
    ValueNotAsked,

    /// <summary>A previous pair that was not asked for, or of another key than the pair beside it.</summary>
    Previous,

    /// <summary>Responses of a transaction that are not those of its operations.</summary>
    Operations,

    /// <summary>A watch_id that is another than was asked for, or that another watch has.</summary>
    WatchId,
}

/// <summary>
/// A message that does not pass. <see cref="Exception.Message"/> is for the caller, and names no key that it did not name itself;
/// <see cref="Detail"/> is for the log. secrets: none; keys are no secrets.
/// </summary>
public sealed class EtcdRefusalException : Exception
{
    private EtcdRefusalException(EtcdFault fault, string message, string detail)
        : base(message)
    {
        Fault = fault;
        Detail = detail;
    }

    /// <summary>What is wrong.</summary>
    public EtcdFault Fault { get; }

    /// <summary>With keys.</summary>
    public string Detail { get; }

    /// <summary>True when etcd, or who stands in its place, is at fault; false when the API server is.</summary>
    public bool IsAnswer => Fault != EtcdFault.KeyNotServed;

    internal static EtcdRefusalException Answer(EtcdFault fault, string what, ReadOnlySpan<byte> key) => new(
        fault,
        $"etcd's answer is not one to what was asked ({what}): nothing of it is handed out; the gateway's log names the key",
        $"{what}{(key.IsEmpty ? "" : $": {PrintableText.Of(key)}")}");

    internal static EtcdRefusalException Request(KeyRange keys, string act, string served)
    {
        string text = PrintableText.Of(keys.Key);
        string which = keys.IsSingle ? text : $"{text} to {(keys.IsEndless ? "the end" : PrintableText.Of(keys.End))}";
        return new(
            EtcdFault.KeyNotServed,
            $"the gateway does not {act} {which}: gateway.prefixes has {served}, and what is not under these would pass unencrypted. Add the prefix to "
            + "gateway.prefixes to have it encrypted, or to gateway.uncovered to let it pass in clear",
            $"{act} {which}");
    }
}
