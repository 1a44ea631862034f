namespace Cloister.Broker.State.Keks;

/// <summary>What a version of a KEK may be used for.</summary>
public enum KekVersionState
{
    /// <summary>In use from its time of activation.</summary>
    Enabled,

    /// <summary>Not given out; can be enabled again.</summary>
    Disabled,

    /// <summary>Not given out; destroyed at a time, unless cancelled before.</summary>
    DestroyScheduled,

    /// <summary>Gone for ever.</summary>
    Destroyed,
}
