using System.Collections.Concurrent;

namespace DimensionStore.Memory;

/// <summary>
/// What each owner of blocks uses, has used at most and may use. One ledger can serve several allocators: the limits then hold for all of them together. Thread-safe.
/// </summary>
/// <remarks>
/// Every <see cref="OwnerId"/> but <see cref="OwnerId.None"/> gets an account when it is first named, up to <see cref="MaxOwners"/>, and keeps it, because its peak and counts are
/// asked for after its last block is gone. Charges are atomic and never exceed the limit. Allocates nothing on the GC heap once an owner has its account.
/// </remarks>
public sealed class OwnerLedger
{
    /// <summary>The most owners there can be: an allocator notes a block's owner in 16 bits.</summary>
    public const int MaxOwners = ushort.MaxValue;

    private const int DirectOwners = 1024;

    private readonly Lock _lock = new();
    private readonly OwnerAccount?[] _direct = new OwnerAccount?[DirectOwners];
    private readonly ConcurrentDictionary<int, OwnerAccount> _others = new();
    private OwnerAccount?[] _bySlot = new OwnerAccount?[16];
    private int _count;
    private int _mayHaveEnded;

    /// <summary>Creates an empty ledger.</summary>
    /// <param name="defaultLimitBytes">The limit of owners that none was set for; without limit by default.</param>
    public OwnerLedger(long defaultLimitBytes = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(defaultLimitBytes);
        DefaultLimitBytes = defaultLimitBytes;
    }

    /// <summary>The limit of owners that none was set for.</summary>
    public long DefaultLimitBytes { get; }

    /// <summary>Owners with an account.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Sets what an owner may use. What it uses already stays, also when it is more.</summary>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
    public void SetLimit(OwnerId owner, long limitBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limitBytes);
        AccountOf(owner).LimitBytes = limitBytes;
    }

    /// <summary>
    /// Registers an owner's life: from now on its blocks count as unreferenced when the owner is ended, when <paramref name="isAlive"/> answers false or when
    /// <paramref name="lifetime"/> was collected by the garbage collector. An ended owner that is registered again starts a new life.
    /// </summary>
    /// <param name="owner">Whose.</param>
    /// <param name="limitBytes">What it may use; null leaves the limit as it is.</param>
    /// <param name="lifetime">An object that lives as long as the owner, held weakly; or null.</param>
    /// <param name="isAlive">Asked at each collection of unreferenced blocks, on the collecting thread; or null. Where it throws, the owner counts as alive, and a collection that somebody called throws the same at its end. Must not keep <paramref name="lifetime"/> alive.</param>
    public void Register(OwnerId owner, long? limitBytes = null, object? lifetime = null, Func<bool>? isAlive = null)
    {
        if (limitBytes is { } limit)
        {
            SetLimit(owner, limit);
        }

        AccountOf(owner).Begin(lifetime, isAlive, ref _mayHaveEnded);
    }

    /// <summary>Ends an owner: it gets no more blocks, and those it has are unreferenced from now on, to be freed by the next such collection.</summary>
    /// <returns>False when it had ended before.</returns>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">The ledger does not know the owner.</exception>
    public bool End(OwnerId owner) => End(owner, nameof(OwnerLedger));

    /// <summary>Ends an owner; an error names the allocator.</summary>
    internal bool End(OwnerId owner, string allocator) => KnownAccountOf(owner, allocator).End(ref _mayHaveEnded);

    /// <summary>Whether an owner has an account: it had a block, a limit or a registration.</summary>
    public bool Knows(OwnerId owner) => Find(owner) is not null;

    /// <summary>Whether an owner is known and has ended or lost its lifetime object.</summary>
    public bool HasEnded(OwnerId owner) => Find(owner)?.HasEnded() ?? false;

    /// <summary>What an owner uses; all zero, with the default limit, for one that is not known.</summary>
    public OwnerUsage GetUsage(OwnerId owner) => Find(owner)?.Usage ?? new OwnerUsage { Owner = owner, LimitBytes = DefaultLimitBytes };

    /// <summary>All owners, in the order in which they were first named.</summary>
    public IReadOnlyList<OwnerUsage> GetAll()
    {
        List<OwnerUsage> all = [];
        OwnerAccount?[] accounts = Volatile.Read(ref _bySlot);
        for (int slot = 1; slot <= Count && slot < accounts.Length; slot++)
        {
            if (accounts[slot] is { } account)
            {
                all.Add(account.Usage);
            }
        }

        return all;
    }

    /// <summary>The account of an owner, made when it has none.</summary>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="LimitExceededException">There are <see cref="MaxOwners"/> owners already.</exception>
    internal OwnerAccount AccountOf(OwnerId owner) => Find(owner) ?? TryOpen(owner) ?? throw TooMany(owner);

    /// <summary>The account of an owner, made when it has none; null when there are <see cref="MaxOwners"/> owners already.</summary>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    internal OwnerAccount? TryAccountOf(OwnerId owner) => Find(owner) ?? TryOpen(owner);

    /// <summary>Whether any owner has ended, or could have: without that, no account need be looked at for those that have.</summary>
    internal bool MayOneHaveEnded => Volatile.Read(ref _mayHaveEnded) != 0;

    /// <summary>Whether an owner could be charged with so much now, also one without an account.</summary>
    internal bool HasRoom(OwnerId owner, long bytes) => Find(owner)?.HasRoom(bytes) ?? (DefaultLimitBytes == long.MaxValue || bytes <= DefaultLimitBytes);

    /// <summary>Counts a request that was refused because of its owner, unless it was counted already, and gives the error. An owner without an account gets none for it.</summary>
    internal LimitExceededException Refuse(OwnerId owner, long bytes, bool counts, long blockBytes = 0)
    {
        OwnerAccount? account = Find(owner);
        if (counts)
        {
            account?.NoteRefusal();
        }

        return account is not null ? account.LimitReached(bytes, blockBytes)
            : Count == MaxOwners ? TooMany(owner)
            : OwnerAccount.LimitReached(owner, bytes, blockBytes, 0, DefaultLimitBytes);
    }

    /// <summary>The account of an owner who has one.</summary>
    /// <exception cref="ArgumentException">The owner is <see cref="OwnerId.None"/>.</exception>
    /// <exception cref="UnknownOwnerException">It has none.</exception>
    internal OwnerAccount KnownAccountOf(OwnerId owner, string allocator)
    {
        ThrowIfNobody(owner);
        return Find(owner) ?? throw new UnknownOwnerException(allocator, owner);
    }

    /// <summary>The account in a slot that an <see cref="OwnerAccount.Slot"/> gave.</summary>
    internal OwnerAccount AccountAt(int slot) => Volatile.Read(ref _bySlot)[slot]!;

    /// <summary>The account of an owner; null when it has none.</summary>
    internal OwnerAccount? Find(OwnerId owner)
    {
        if ((uint)owner.Value < DirectOwners)
        {
            return Volatile.Read(ref _direct[owner.Value]);
        }

        return _others.TryGetValue(owner.Value, out OwnerAccount? account) ? account : null;
    }

    private static void ThrowIfNobody(OwnerId owner)
    {
        if (owner == OwnerId.None)
        {
            throw new ArgumentException("Blocks without an owner have no account. Expected an owner other than 0.", nameof(owner));
        }
    }

    private LimitExceededException TooMany(OwnerId owner) => new("owners of one ledger, each counted as 1", 1, Count, MaxOwners, "Use fewer owners, or several ledgers.", owner);

    private OwnerAccount? TryOpen(OwnerId owner)
    {
        ThrowIfNobody(owner);
        lock (_lock)
        {
            if (Find(owner) is { } existing)
            {
                return existing;
            }

            if (_count == MaxOwners)
            {
                return null;
            }

            int slot = _count + 1;
            if (slot >= _bySlot.Length)
            {
                OwnerAccount?[] more = new OwnerAccount?[_bySlot.Length * 2];
                _bySlot.CopyTo(more, 0);
                Volatile.Write(ref _bySlot, more);
            }

            OwnerAccount account = new(owner, slot, DefaultLimitBytes);
            _bySlot[slot] = account;
            if ((uint)owner.Value < DirectOwners)
            {
                Volatile.Write(ref _direct[owner.Value], account);
            }
            else
            {
                _others[owner.Value] = account;
            }

            // Last: nothing that may fail comes after it, so that no slot is counted that nobody finds.
            Volatile.Write(ref _count, slot);
            return account;
        }
    }
}
