using Xunit.Sdk;

namespace Cloister.Storm;

/// <summary>The storm's checks find what they are there to find.</summary>
public sealed class HistoryTests
{
    private static readonly (long Revision, string Key, string Value, long Version)[] Events =
    [
        (2, "/registry/secrets/default/a", "k8s TOPSECRET-a-0;xx more", 1),
        (3, "/registry/secrets/default/b", "k8s TOPSECRET-b-0; more", 1),
        (4, "/registry/secrets/default/a", "k8s TOPSECRET-a-1; more", 2),
        (5, "/registry/secrets/default/b", "", 0),
    ];

    private static readonly ApiObservation[] Seen =
    [
        new(1, Listed: new Dictionary<string, long>()), new(2, "ADDED", "a", "TOPSECRET-a-0;xx"), new(3, "ADDED", "b", "TOPSECRET-b-0;"),
        new(4, "MODIFIED", "a", "TOPSECRET-a-1;"), new(5, "DELETED", "b", "TOPSECRET-b-0;"),
    ];

    [Fact]
    public void ARefusalIsAFaultUnlessSomethingIsInDoubt()
    {
        SecretHistory history = new("a");
        Assert.Null(history.Note("0", WriteOutcome.Acknowledged, ""));
        Assert.NotNull(history.Note("1", WriteOutcome.Refused, "409"));
        Assert.Null(history.Note("2", WriteOutcome.Unknown, ""));
        Assert.Null(history.NoteRead("0"));
        Assert.Null(history.Note("3", WriteOutcome.Refused, "409"));
        Assert.Null(history.NoteRead("2"));
        Assert.NotNull(history.Note("4", WriteOutcome.Refused, "409"));
    }

    [Fact]
    public void WhatIsReadIsTheLastAcknowledgedWriteOrOneSinceThen()
    {
        SecretHistory history = new("a");
        Assert.NotNull(history.NoteRead("0"));
        history.Note("0", WriteOutcome.Unknown, "");
        Assert.Equal([null, "0"], history.Possible);
        Assert.Null(history.NoteRead("0"));
        Assert.NotNull(history.NoteRead(null));
        history.Note("1", WriteOutcome.Acknowledged, "");
        Assert.NotNull(history.NoteRead("0"));
        history.Note("2", WriteOutcome.Unknown, "");
        history.Note(null, WriteOutcome.Unknown, "");
        Assert.Equal(["1", "2", null], history.Possible);
        Assert.Null(history.NoteRead("2"));
        Assert.NotNull(history.NoteRead(null)); // had the same condition as what was applied
        history.Note(null, WriteOutcome.Acknowledged, "");
        Assert.NotNull(history.NoteRead("2"));
    }

    [Fact]
    public void EventsAreTheWritesInTheirOrderOnceEach()
    {
        SecretHistory history = new("a");
        history.Note("0", WriteOutcome.Acknowledged, "");
        history.Note("1", WriteOutcome.Unknown, "");
        history.Note("2", WriteOutcome.Refused, "");
        history.Note("3", WriteOutcome.Acknowledged, "");
        history.Note(null, WriteOutcome.Acknowledged, "");

        Assert.Empty(history.Faults([("0", 1), ("1", 2), ("3", 3), (null, 0)]));
        Assert.Empty(history.Faults([("0", 1), ("3", 2), (null, 0)]));
        Assert.NotEmpty(history.Faults([("0", 1), ("1", 2), (null, 0)])); // lost
        Assert.NotEmpty(history.Faults([("0", 1), ("3", 2)])); // its deletion lost
        Assert.NotEmpty(history.Faults([("0", 1), ("0", 2), ("3", 3), (null, 0)])); // twice
        Assert.NotEmpty(history.Faults([("0", 1), ("3", 2), ("1", 3), (null, 0)])); // out of order
        Assert.NotEmpty(history.Faults([("0", 1), ("2", 2), ("3", 3), (null, 0)])); // applied, and refused
        Assert.NotEmpty(history.Faults([("0", 1), ("3", 3), (null, 0)])); // a version that nobody saw
        Assert.NotEmpty(history.Faults([("0", 1), ("5", 2), ("3", 3), (null, 0)])); // nobody's
    }

    [Fact]
    public void AClientFollowsEtcdWithoutALossARepetitionOrAnotherOrder()
    {
        EtcdHistory history = new(Events, Events);
        Assert.Equal(4, history.Follow(Seen));
        ApiObservation relisted = new(4, Listed: new Dictionary<string, long> { ["a"] = 4, ["b"] = 3 });
        Assert.Equal(2, history.Follow([Seen[0], Seen[1], relisted, Seen[4]]));

        Assert.ThrowsAny<XunitException>(() => history.Follow([Seen[0], Seen[1], Seen[3], Seen[4]]));
        Assert.ThrowsAny<XunitException>(() => history.Follow([Seen[0], Seen[1], Seen[1], Seen[2], Seen[3], Seen[4]]));
        Assert.ThrowsAny<XunitException>(() => history.Follow([Seen[0], Seen[2], Seen[1], Seen[3], Seen[4]]));
        Assert.ThrowsAny<XunitException>(() => history.Follow([.. Seen.Take(4)]));
        Assert.ThrowsAny<XunitException>(() => history.Follow([Seen[0], Seen[1] with { Value = "TOPSECRET-a-0;x" }, .. Seen.Skip(2)]));
        Assert.ThrowsAny<XunitException>(() => history.Follow([Seen[0], Seen[1], relisted with { Listed = new Dictionary<string, long> { ["a"] = 4 } }, Seen[4]]));
    }
}
