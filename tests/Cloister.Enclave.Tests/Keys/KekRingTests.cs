using System.Collections.Concurrent;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Keys;

public sealed class KekRingTests : IDisposable
{
    private readonly SecretArena _arena = new(1024);

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void Changing_a_ring_makes_another_one()
    {
        using Kek first = Make("a");
        using Kek second = Make("b");
        KekRing one = KekRing.Empty.With(first).Activated(first, ofNamespaces: false);
        KekRing two = one.With(second).Activated(second, ofNamespaces: false);
        KekRing inactive = one.With(second);
        KekRing without = two.Without(second);

        Assert.Empty(KekRing.Empty.All);
        Assert.Equal([first], one.All);
        Assert.Same(first, one.Active);
        Assert.Null(one.Find(second.Fingerprint));
        Assert.Equal([first, second], two.All);
        Assert.Same(second, two.Active);
        Assert.Same(first, inactive.Active);
        Assert.Same(second, inactive.Find(second.Fingerprint));
        Assert.Equal([first], without.All);
        Assert.Null(without.Active);
    }

    // Each Encrypt answers with the key_id that Status had at some moment between its start and its end, and what it made decrypts.
    [Fact]
    public async Task Status_and_Encrypt_agree_while_KEKs_are_created()
    {
        const int Rotations = 60;
        await using ManualCustody custody = TestKeys.Custody(_arena);
        KmsServices services = new(custody);
        ConcurrentDictionary<string, int> order = new() { [custody.Status.KeyId!] = 0 };
        ConcurrentQueue<(string Before, EncryptResponse Made, string After)> results = new();
        using CancellationTokenSource done = new();
        Task[] callers = [.. Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                string before = custody.Status.KeyId!;
                EncryptResponse made = await services.EncryptAsync(new byte[32]);
                results.Enqueue((before, made, custody.Status.KeyId!));
            }
        }))];
        for (int i = 1; i <= Rotations; i++)
        {
            order[custody.Create("k").KeyId] = i;
            int enough = results.Count + 20;
            await Eventually.TrueAsync(() => results.Count >= enough, "encryptions under the new KEK");
        }

        await done.CancelAsync();
        await Task.WhenAll(callers);
        Assert.Equal(Rotations + 1, order.Count);
        Assert.True(results.Select(result => result.Made.KeyId).Distinct().Count() > Rotations / 2);
        foreach ((string before, EncryptResponse made, string after) in results)
        {
            Assert.InRange(order[made.KeyId], order[before], order[after]);
            Assert.Equal(made.KeyId, Contracts.Envelope.Edek.Parse(made.Ciphertext.Span).Kek.ToString());
            CallResult opened = await services.DecryptAsync(made.Ciphertext, made.KeyId);
            Assert.Null(opened.Code);
        }
    }

    // A KEK that was active when an Encrypt began may be gone when it uses it: then the next one is used, and nobody sees an error.
    [Fact]
    public async Task Encrypt_goes_on_while_KEKs_are_created_and_the_old_ones_retired()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        KmsServices services = new(custody);
        using CancellationTokenSource done = new();
        long encrypted = 0;
        Task[] callers = [.. Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                await services.EncryptAsync(new byte[32]);
                Interlocked.Increment(ref encrypted);
            }
        }))];
        string old = custody.Status.KeyId!;
        for (int i = 0; i < 3000; i++)
        {
            string next = custody.Create("k").KeyId;
            custody.Retire(old);
            old = next;
        }

        await Eventually.TrueAsync(() => Volatile.Read(ref encrypted) > 1000, "encryptions");
        await done.CancelAsync();
        await Task.WhenAll(callers);
        Assert.Equal(1, _arena.InUse);
    }

    private Kek Make(string name) => Kek.Manual(name, 1, SecretKey.Generate(_arena));
}
