using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Custody manual: an operator provisions KEKs, the enclave holds them, no call leaves it. A sealed copy, if there is a place for it,
/// brings them back after a restart. KEKs that rules name for namespaces are for those alone: activating one leaves the default KEK as it is.
/// secrets: the KEKs.
/// </summary>
public sealed class ManualCustody : ICustody
{
    private readonly Lock _changes = new();
    private readonly EnvelopeContext _context;
    private readonly SecretArena _arena;
    private readonly SealedKeks? _sealedKeks;
    private readonly KekRules _keks;
    private volatile Snapshot _snapshot;

    /// <summary>Starts with the sealed copy, if there is one.</summary>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="sealedKeks">Where a sealed copy is kept, or null for memory only.</param>
    /// <param name="keks">KEKs by namespace; null for none.</param>
    /// <exception cref="SealException">There is a sealed copy and it does not open.</exception>
    public ManualCustody(EnvelopeContext context, SecretArena arena, SealedKeks? sealedKeks, KekRules? keks = null)
    {
        _context = context;
        _arena = arena;
        _sealedKeks = sealedKeks;
        _keks = keks ?? KekRules.None;
        (KekRing ring, KekHistory history) = sealedKeks?.Load() ?? (KekRing.Empty, KekHistory.Empty);
        _snapshot = Snapshot.Of(UnderRules(ring), history);
    }

    /// <inheritdoc/>
    public string Name => "manual";

    /// <inheritdoc/>
    public CustodyStatus Status => _snapshot.Status;

    /// <summary>The KEKs of this moment.</summary>
    public KekRing Ring => _snapshot.Ring;

    /// <inheritdoc/>
    public bool HasKeks => _snapshot.Ring is { Active: not null } or { Named.Count: > 0 };

    /// <inheritdoc/>
    public ICustody Under(string kek) =>
        _keks.Keks.Contains(kek) ? new NamedManualCustody(this, kek) : throw new InvalidOperationException($"no rule names KEK {kek}");

    /// <inheritdoc/>
    public bool Holds(KeyFingerprint kek) => _snapshot.Ring.Find(kek) is not null;

    /// <inheritdoc/>
    public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation) => Encrypt(null, plaintext, edek);

    /// <summary>What writes under a KEK of namespaces come to.</summary>
    internal CustodyStatus StatusOf(string name) => Ring.ActiveOf(name) is { } active
        ? CustodyStatus.Ready(active.Fingerprint)
        : CustodyStatus.Unavailable(StatusReason.NoKek, FailureKind.NotReady, $"no version of KEK {name} is active: provision one with 'cloister kek import --name {name}' or 'cloister provision'");

    /// <summary>Makes an EDEK under the active version of that name, or under the default KEK.</summary>
    internal ValueTask<EncryptResult> Encrypt(string? name, ReadOnlyMemory<byte> plaintext, Memory<byte> edek)
    {
        while (true)
        {
            Snapshot snapshot = _snapshot;
            Kek kek = (name is null ? snapshot.Ring.Active : snapshot.Ring.ActiveOf(name))
                ?? throw (name is null ? snapshot.Status : StatusOf(name)).ToException();
            try
            {
                int length = EdekCipher.Encrypt(kek.Cipher, _context, EdekSuite.Kek, kek.Fingerprint, default, plaintext.Span, edek.Span);
                return ValueTask.FromResult(new EncryptResult(kek.KeyId, length));
            }
            catch (ObjectDisposedException) when (_snapshot != snapshot)
            {
                // Replaced and retired, or wiped, between reading the snapshot and using the key.
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        Snapshot snapshot = _snapshot;
        Edek parsed = Edek.Parse(edek.Span);
        if (parsed.Suite != EdekSuite.Kek)
        {
            throw EdekFailure.WrongSuite(parsed.Suite, Name);
        }

        Kek found = snapshot.Ring.Find(kek) ?? throw UnknownKek(kek, snapshot);
        try
        {
            return ValueTask.FromResult(EdekCipher.Decrypt(found.Cipher, _context, parsed, plaintext.Span));
        }
        catch (ObjectDisposedException)
        {
            throw UnknownKek(kek, _snapshot);
        }
    }

    /// <summary>Makes a KEK in the enclave: the next version of that name, active.</summary>
    /// <exception cref="FailureException">
    /// Invalid: not a name for a KEK. NotReady: the last version is there already. LimitReached: too many versions.
    /// </exception>
    public Kek Create(string name)
    {
        lock (_changes)
        {
            CheckName(name);
            uint last = _snapshot.Ring.All.Where(kek => kek.Identity.Name == name).Select(kek => kek.Identity.Version).Append(_snapshot.History.HighestOf(name)).Max();
            if (last == uint.MaxValue)
            {
                throw new FailureException(FailureKind.NotReady, $"KEK {name} version {last} is the last there can be; take another name");
            }

            return Add(Kek.Manual(name, last + 1, SecretKey.Generate(_arena)), activate: true);
        }
    }

    /// <summary>Takes a KEK over; the same KEK again is no error.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Its version, from 1.</param>
    /// <param name="key">32 bytes, wiped.</param>
    /// <param name="activate">Whether writes use it from now on.</param>
    /// <exception cref="FailureException">
    /// Invalid: a wrong name, version or length, or a key that nobody drew at random. NotReady: another key has that name and
    /// version, or writes used it and do not any more. LimitReached: too many versions.
    /// </exception>
    public Kek Import(string name, uint version, Span<byte> key, bool activate)
    {
        lock (_changes)
        {
            CheckName(name);
            if (version == 0 || key.Length != SecretKey.Size)
            {
                throw new FailureException(FailureKind.Invalid, $"a KEK has a version from 1 and {SecretKey.Size} bytes");
            }

            if (!KekStrength.IsPlausible(key))
            {
                throw new FailureException(FailureKind.Invalid, KekStrength.Refusal);
            }

            Kek kek = Kek.Manual(name, version, SecretKey.TakeOver(_arena, key));
            Kek? same = _snapshot.Ring.Find(kek.Fingerprint);
            if (same is not null)
            {
                kek.Dispose();
                if (activate && !_snapshot.Ring.IsActive(same))
                {
                    Activate(_snapshot.Ring, same);
                }

                return same;
            }

            if (_snapshot.Ring.All.Any(other => other.Identity.Name == name && other.Identity.Version == version))
            {
                kek.Dispose();
                throw new FailureException(FailureKind.NotReady, $"another key is KEK {name} version {version} already; give it the next version");
            }

            return Add(kek, activate);
        }
    }

    /// <summary>Removes a KEK version that writes do not use.</summary>
    /// <exception cref="FailureException">NotFound, or NotReady for the active one.</exception>
    public void Retire(string keyId)
    {
        lock (_changes)
        {
            Kek kek = _snapshot.Ring.All.FirstOrDefault(kek => kek.KeyId == keyId)
                ?? throw new FailureException(FailureKind.NotFound, "no KEK has that key_id; 'cloister kek list' shows those that are here");
            if (_snapshot.Ring.IsActive(kek))
            {
                throw new FailureException(FailureKind.NotReady, "writes use this KEK; make another one active first");
            }

            Change(_snapshot.Ring.Without(kek), _snapshot.History);
            kek.Dispose();
        }
    }

    /// <summary>Removes every KEK from memory and the sealed copy. What was active stays known.</summary>
    /// <exception cref="SealException">The sealed copy can neither be replaced nor removed.</exception>
    public void Wipe()
    {
        // At once, not after a change that waits for storage; under the lock once more, since that change may end in between.
        WipeMemory();
        lock (_changes)
        {
            WipeMemory();
            try
            {
                _sealedKeks?.Save(KekRing.Empty, _snapshot.History);
            }
            catch (SealException)
            {
                _sealedKeks!.Delete();
            }
        }
    }

    /// <summary>Wipes the KEKs from memory; a sealed copy stays.</summary>
    public ValueTask DisposeAsync()
    {
        WipeMemory();
        lock (_changes)
        {
            WipeMemory();
        }

        return ValueTask.CompletedTask;
    }

    private void WipeMemory()
    {
        KekRing old = _snapshot.Ring;
        _snapshot = Snapshot.Of(KekRing.Empty, _snapshot.History);
        foreach (Kek kek in old.All)
        {
            kek.Dispose();
        }
    }

    private static void CheckName(string name)
    {
        if (!KekIdentity.IsValidName(name))
        {
            throw new FailureException(FailureKind.Invalid, "a KEK's name has 1 to 63 of a-z 0-9 - . and begins and ends with a letter or digit");
        }
    }

    private void CheckRoom()
    {
        if (_snapshot.Ring.All.Count >= KekRing.MaxSize)
        {
            throw new FailureException(FailureKind.LimitReached, $"there are {KekRing.MaxSize} KEK versions: retire those that no stored value needs");
        }
    }

    private static FailureException UnknownKek(KeyFingerprint kek, Snapshot snapshot) =>
        snapshot.Ring.All.Count == 0
            ? snapshot.Status.ToException()
            : new FailureException(FailureKind.NotFound, $"KEK {kek} is not in this enclave; provision it again with 'cloister kek import', values written with it cannot be read without it");

    private Kek Add(Kek kek, bool activate)
    {
        try
        {
            CheckRoom();
            KekRing ring = _snapshot.Ring.With(kek);
            if (activate)
            {
                Activate(ring, kek);
            }
            else
            {
                Change(ring, _snapshot.History);
            }

            return kek;
        }
        catch
        {
            kek.Dispose();
            throw;
        }
    }

    private void Activate(KekRing ring, Kek kek)
    {
        (string name, uint highest) = (kek.Identity.Name, _snapshot.History.HighestOf(kek.Identity.Name));
        if (!_snapshot.History.MayActivate(kek, IsOfNamespaces(kek)))
        {
            throw new FailureException(
                FailureKind.NotReady,
                $"writes used version {highest} of KEK {name} before, and KMS v2 forbids that a key_id comes back: import this KEK with --inactive for reading, "
                + $"and a new key as version {(long)highest + 1} or later for writes");
        }

        if (highest == 0 && _snapshot.History.Highest.Count >= KekHistory.MaxNames)
        {
            throw new FailureException(FailureKind.LimitReached, $"writes used KEKs of {KekHistory.MaxNames} names: take one of these names again");
        }

        Change(ring.Activated(kek, IsOfNamespaces(kek)), _snapshot.History.With(kek, IsOfNamespaces(kek)));
    }

    private bool IsOfNamespaces(Kek kek) => _keks.Keks.Contains(kek.Identity.Name);

    // Rules may have changed since the copy was made. A KEK that they name now is no longer the default one; one that they do not is for reading.
    private KekRing UnderRules(KekRing ring)
    {
        List<Kek> named = [.. ring.Named.Where(IsOfNamespaces)];
        if (ring.Active is not { } active || !IsOfNamespaces(active))
        {
            return new KekRing(ring.All, ring.Active, named);
        }

        return new KekRing(ring.All, null, ring.ActiveOf(active.Identity.Name) is null ? [.. named, active] : named);
    }

    // The sealed copy first: a KEK is used only when a restart will find it again.
    private void Change(KekRing ring, KekHistory history)
    {
        try
        {
            _sealedKeks?.Save(ring, history);
        }
        catch (ObjectDisposedException)
        {
            throw new FailureException(FailureKind.NotReady, "the KEKs were wiped while this change was being written, and it was not made: provision them again");
        }

        _snapshot = Snapshot.Of(ring, history);
    }

    private sealed record Snapshot(KekRing Ring, KekHistory History, CustodyStatus Status)
    {
        internal static Snapshot Of(KekRing ring, KekHistory history) => new(ring, history, ring switch
        {
            { Active: { } active } => CustodyStatus.Ready(active.Fingerprint),
            { All.Count: 0 } => CustodyStatus.Unavailable(StatusReason.NoKek, FailureKind.NotReady, "the enclave has no KEK: provision one with 'cloister kek create' or 'cloister kek import'"),
            _ => CustodyStatus.Unavailable(StatusReason.NoKek, FailureKind.NotReady, "no KEK is active: import one without --inactive, or make one with 'cloister kek create'"),
        });
    }
}
